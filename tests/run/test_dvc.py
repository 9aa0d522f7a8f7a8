"""Collaboration with DVC and Snakemake: after a pull there is nothing to do; changed stages are rerun."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codecfake.audio import io as audio
from codecfake.util.files import REPOSITORY
from snakemake_project import Project

SPEAKERS = ["s1", "s2", "s3", "s4"]
CODEC, ADDED = "academicodec_mini", "speechtokenizer_mini"
RECIPES = ["clean", "matched"]

pytestmark = pytest.mark.slow


def of_recipes(*names: str) -> set[str]:
    """Return the stages of every recipe."""
    return {f"{name}@{recipe}" for name in names for recipe in RECIPES}


def resynthesis(codec: str) -> set[str]:
    return {f"resynthesise@{recipe}-{codec}" for recipe in RECIPES}


AFTER_SHARDS = of_recipes("protocols", "train", "evaluate", "audit") | {"report"}
STAGES = {"corpus", "splits"} | of_recipes("bonafide") | resynthesis(CODEC) | AFTER_SHARDS


class Clone:
    """A working copy for Git, DVC and Snakemake."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = folder / "results/small"

    def call(self, *command: str, code: int = 0) -> str:
        """Run a command and return its output."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "workflow"),
            "CODECFAKE_SNAKEMAKE": "--cores 1",
            "DVC_SITE_CACHE_DIR": str(self.folder.parent / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(self.folder.parent / "dvc"),
            "GIT_CONFIG_GLOBAL": str(self.folder.parent / "gitconfig"),
        }
        done = subprocess.run(command, cwd=self.folder, env=environment, text=True, stdout=-1, stderr=-2)
        assert done.returncode == code, done.stdout
        return done.stdout

    def commit(self) -> None:
        self.call("git", "add", "--all")
        self.call("git", "commit", "--quiet", "--message", "as it is")

    def configure(self, **changes) -> None:
        path = self.folder / "small.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))

    def snakemake(self, *options: str) -> str:
        return self.call("snakemake", "--cores", "1", "--configfile", "small.yaml", *options)

    def repro(self, *names: str) -> tuple[set[str], dict[str, int]]:
        """Run `dvc repro`; return its stages and the number of Snakemake jobs of each rule."""
        said = self.call("dvc", "repro", *names)
        jobs: dict[str, int] = {}
        for table in re.findall(r"^job +count\n[- ]+\n(.*?)\n\n", said, re.DOTALL | re.MULTILINE):
            for rule, count in (line.split() for line in table.splitlines()):
                jobs[rule] = jobs.get(rule, 0) + int(count)
        jobs.pop("total", None)
        return set(re.findall(r"^Running stage '(.+)'", said, re.MULTILINE)), jobs

    def contents(self) -> dict[str, bytes]:
        """Return the contents of all resynthesised files, by path."""
        shards = sorted(self.results.glob("*/resynthesised/*/*.parquet"))
        return {str(path.relative_to(self.results)): path.read_bytes() for path in shards}


@pytest.fixture(scope="module")
def published(tmp_path_factory, speech) -> Clone:
    """A small run made by `dvc repro` and pushed to a remote; clones find the recordings at the same path."""
    folder = tmp_path_factory.mktemp("dvc")
    for number, speaker in enumerate(SPEAKERS):
        for index in range(4):
            audio.write(folder / "corpus" / speaker / f"{index}.wav", speech(0.6, 16000, 4 * number + index), 16000)
    splits = {"dev": ["s2"], "eval": ["s3", "s4"]}
    project = Project(folder / "author", {"name": "folder", "path": str(folder / "corpus"), "splits": splits}, [CODEC])
    author = Clone(project.folder)
    settings = {**project.config, "shards": 1, "recipe": RECIPES, "train_sets": ["each", "pooled"]}
    settings |= {"source": "resynthesised", "matched": {}, "tracing": []}
    settings |= {"baselines": ["random"], "conditions": ["noise_10db"], "evaluation_sets": {}}
    (author.folder / "small.yaml").write_text(yaml.safe_dump(settings))
    stages = (REPOSITORY / "dvc.yaml").read_text().replace("config/demo.yaml", "small.yaml")
    (author.folder / "dvc.yaml").write_text(stages)
    for name in (".dvcignore", ".gitignore"):
        shutil.copy2(REPOSITORY / name, author.folder)
    (folder / "gitconfig").write_text("[user]\nname = author\nemail = author@localhost\n[init]\ndefaultBranch = main\n")
    author.call("git", "init", "--quiet")
    author.call("dvc", "init", "--quiet")
    shutil.copy2(REPOSITORY / ".dvc/config", author.folder / ".dvc/config")
    author.call("dvc", "remote", "add", "--default", "shelf", str(folder / "shelf"))
    ran, _ = author.repro()
    assert ran == STAGES
    author.commit()
    author.call("dvc", "push")
    return author


@pytest.fixture
def clone(published, tmp_path) -> Clone:
    """A collaborator's copy after `git clone` and `dvc pull`."""
    made = Clone(tmp_path / "clone")
    shutil.copy2(published.folder.parent / "gitconfig", tmp_path)
    subprocess.run(["git", "clone", "--quiet", published.folder, made.folder], check=True)
    made.call("dvc", "pull")
    return made


def test_nothing_to_do_after_repro(published):
    assert published.call("dvc", "status").strip() == "Data and pipelines are up to date."
    assert "Nothing to be done" in published.snakemake("--dry-run")


def test_dvc_tracks_all_inputs_of_a_stage(published):
    lock = yaml.safe_load((published.folder / "dvc.lock").read_text())["stages"]
    assert set(lock) == STAGES
    del lock["report"]  # it depends on the records of the others
    for name, stage in lock.items():
        watched = [entry["path"] for kind in ("deps", "outs") for entry in stage[kind]]
        kept = json.loads((published.results / f".records/{name}.json").read_text())
        for path in kept["md5"]:
            assert any(path == one or path.startswith(f"{one}/") for one in watched), (name, path)


def test_nothing_to_do_after_pull(clone, published):
    # a dry run changes nothing, so it does not adopt files made elsewhere
    assert "this dry run ignores the records of files restored by DVC" in clone.snakemake("--dry-run")
    assert "Nothing to be done" in clone.snakemake()
    assert "Nothing to be done" in clone.snakemake("--dry-run")
    assert clone.call("dvc", "status").strip() == "Data and pipelines are up to date."
    assert clone.repro() == (set(), {})
    assert clone.contents() == published.contents()


def test_changed_detector_option_reruns_only_training_and_evaluation(clone):
    detector = yaml.safe_load((clone.folder / "small.yaml").read_text())["detector"]
    clone.configure(detector={**detector, "options": {**detector["options"], "epochs": 2}})
    stages, jobs = clone.repro()
    assert stages == of_recipes("train", "evaluate") | {"report"}
    assert jobs == {"train": 4, "score_protocol": 4, "matrix": 2, "resolved_config": 1, "report": 1, "samples": 1}
    assert "eer" in clone.call("dvc", "metrics", "diff", "--all")
    # check out the other version, and back: each has its own records
    clone.commit()
    for revision in ("HEAD~1", "main"):
        clone.call("git", "checkout", "--quiet", revision)
        clone.call("dvc", "checkout")
        assert "Nothing to be done" in clone.snakemake(), revision


def test_only_a_new_codec_is_resynthesised(clone, published):
    clone.configure(codecs=[CODEC, ADDED])
    stages, jobs = clone.repro()
    assert stages == resynthesis(ADDED) | AFTER_SHARDS
    assert (jobs["resynthesise_shard"], jobs["protocol"], jobs["train"]) == (2, 2, 4)
    made = clone.contents()
    assert all(made.pop(f"{recipe}/resynthesised/{ADDED}/000.parquet") for recipe in RECIPES)
    assert made == published.contents()


def test_outdated_pulled_files_are_recomputed(clone, published):
    entries = clone.folder / "config/codecs.yaml"
    table = yaml.safe_load(entries.read_text())
    del table[CODEC]["level"]
    entries.write_text(yaml.safe_dump(table, sort_keys=False))
    _, jobs = clone.repro()
    assert jobs["resynthesise_shard"] == 2
    made, before = clone.contents(), published.contents()
    assert {name for name in made if made[name] != before[name]} == {
        f"{recipe}/resynthesised/{CODEC}/000.parquet" for recipe in RECIPES
    }
    assert clone.call("dvc", "status").strip() == "Data and pipelines are up to date."


def test_pulled_files_are_outdated_if_the_local_code_differs(clone):
    adapter = clone.folder / "workflow/codecfake/codecs/academicodec.py"
    adapter.write_text(adapter.read_text() + "# other\n")
    os.utime(adapter, (1.6e9, 1.6e9))
    adopt = "from codecfake.pipeline.snakemake_records import adopt; adopt('results/small')"
    clone.call(sys.executable, "-c", adopt)
    assert re.search(r"^resynthesise_shard +2$", clone.snakemake("--dry-run"), re.MULTILINE)


def test_files_of_a_removed_codec_are_reported(clone):
    (clone.results / "clean/split/protocols/opus.tsv").write_text("")
    said = clone.call("codecfake", "stage", "report", "small.yaml")
    assert "1 files of another config, e.g. results/small/clean/split/protocols/opus.tsv; remove them if" in said


def test_edited_result_is_refused_and_restored_by_checkout(clone, published):
    matrix = clone.results / "clean/split/eer_matrix.tsv"
    assert "Nothing to be done" in clone.snakemake()
    matrix.write_text(matrix.read_text() + "0.0\n")
    assert f"e.g. {matrix.relative_to(clone.folder)}" in clone.call("dvc", "repro", code=255)
    clone.call("dvc", "checkout", "--force")
    assert clone.repro() == (set(), {})
    assert matrix.read_text() == (published.results / "clean/split/eer_matrix.tsv").read_text()


def test_files_without_records_are_refused_and_kept(clone, published):
    shutil.rmtree(clone.results / ".records")
    clone.configure(matched={"level_dbfs": -30.0})
    said = clone.call("codecfake", "stage", f"resynthesise@matched-{CODEC}", "small.yaml", code=1)
    assert "1 files were changed, or have no record of how they were made" in said
    assert f"results/small/matched/resynthesised/{CODEC}/000.parquet; `dvc checkout` or `dvc pull resynth" in said
    assert clone.contents() == published.contents()
    clone.call("dvc", "pull", f"resynthesise@matched-{CODEC}")
    clone.call("codecfake", "stage", f"resynthesise@matched-{CODEC}", "small.yaml")
    assert clone.contents() != published.contents()


def test_matrix_is_a_dvc_metric_and_plot(published, tmp_path):
    cell = json.loads(published.call("dvc", "metrics", "show", "--json"))[""]["data"]
    for recipe in RECIPES:
        name = f"{recipe}/split/eer_matrix.json"
        assert cell[f"results/small/{name}"]["data"] == json.loads((published.results / name).read_text())
    published.call("dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    shown = list((tmp_path / "plots").rglob("*.png"))
    made = {(published.results / recipe / "split/eer_matrix.png").read_bytes() for recipe in RECIPES}
    assert {path.read_bytes() for path in shown} == made
