"""The stages of dvc.yaml agree with the run's files and Snakemake's rules."""

import itertools
import re

import pytest
import yaml

from codecfake.pipeline import config
from codecfake.pipeline.dvc_stages import record_of, run_stage, stages
from codecfake.pipeline.paths import Paths
from codecfake.util.errors import ConfigError
from codecfake.util.files import REPOSITORY

DEMO = config.CONFIG / "demo.yaml"


@pytest.fixture(scope="module")
def run() -> dict:
    return config.read_run(DEMO)


def expanded(name: str, stage: dict, run: dict) -> dict[str, dict]:
    """Return a stage of dvc.yaml, or the expansion of its `foreach` or `matrix`, by name."""

    def values(text: str) -> list[str]:
        return {**run, "recipe": run["recipes"]}[re.fullmatch(r"\$\{(\w+)\}", text)[1]]

    if "foreach" in stage:
        text = yaml.safe_dump(stage["do"])
        return {f"{name}@{item}": yaml.safe_load(text.replace("${item}", item)) for item in values(stage["foreach"])}
    if "matrix" not in stage:
        return {name: stage}
    text = yaml.safe_dump({key: value for key, value in stage.items() if key != "matrix"})
    pairs = itertools.product(values(stage["matrix"]["recipe"]), values(stage["matrix"]["codec"]))
    return {
        f"{name}@{recipe}-{codec}": yaml.safe_load(
            text.replace("${item.recipe}", recipe).replace("${item.codec}", codec)
        )
        for recipe, codec in pairs
    }


@pytest.fixture(scope="module")
def described(run) -> dict[str, dict]:
    """The stages of dvc.yaml under DVC's names, with variables substituted."""
    text = (REPOSITORY / "dvc.yaml").read_text().replace("${run}", run["run"]).replace("${config}", "config/demo.yaml")
    found = {}
    for name, stage in yaml.safe_load(text)["stages"].items():
        found |= expanded(name, stage, run)
    return found


def outputs(stage: dict) -> list[str]:
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    assert all(options == {"persist": True} for entry in entries for options in entry.values())
    return [path for entry in entries for path in entry]


def test_dvc_yaml_has_and_calls_every_stage(run, described):
    assert list(described) == list(stages(run))
    for name, stage in described.items():
        assert stage["cmd"].replace("'", "") == f"codecfake stage {name} config/demo.yaml"


def test_files_and_records_of_a_stage_are_outputs_of_that_stage_only(run, described):
    results = Paths(run).results
    for name, stage in stages(run).items():
        for path in [*stage.files, record_of(name, results).as_posix()]:
            owners = {
                owner
                for owner, other in described.items()
                for output in outputs(other)
                if path == output or path.startswith(f"{output}/")
            }
            assert owners == {name}, path


def test_stages_cover_all_rules(run):
    rules = re.findall(
        r"^ *rule (\w+):", "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk")), re.M
    )
    published = {**run, "source": "published"}
    assert {rule for one in (run, published) for stage in stages(one).values() for rule in stage.rules} == set(rules)


def test_unknown_stage_is_refused_with_allowed_values(run):
    with pytest.raises(ConfigError, match=r"unknown stage 'resynthesise@opus'; allowed: corpus, splits, bonafide@"):
        run_stage("resynthesise@opus", run, DEMO)


@pytest.mark.parametrize("option", ["-n", "--dry-run", "--touch"])
def test_snakemake_options_that_make_no_files_are_refused(run, option, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODECFAKE_SNAKEMAKE", f"--cores 2 {option}")
    with pytest.raises(ConfigError, match=f"CODECFAKE_SNAKEMAKE: {option} makes no files"):
        run_stage("train@matched", run, DEMO)


def test_folds_are_refused(run):
    folds = {**run, "corpus": {"name": "voices", "folds": {"count": 3, "eval": 0}}}
    with pytest.raises(ConfigError, match=r"demo\.yaml: corpus\.folds: the stages of dvc"):
        run_stage("train@matched", folds, DEMO)
