"""The complete experiment in miniature with Snakemake: jobs that run, jobs that do not run again."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from filelock import FileLock

import finished_run
from codecfake.audio import io as audio
from codecfake.util.files import REPOSITORY
from codecfake.util.source_code import EXEMPT, PACKAGE, source_files
from finished_run import CODECS, SPEAKERS
from snakemake_project import Project

#: Rules that read trials and their waveforms.
TRIALS = {"train", "score_protocol", "keys", "matrix"}
#: Results folder of a run with one recipe and one split.
SPLIT = "results/small/published/split"
#: Files of a run that an accepted edit must not change.
ACCEPTED = (f"{SPLIT}/eer_matrix.tsv", f"{SPLIT}/detectors/lfcc_lcnn/seed7/pooled.pt")
#: Another workflow that uses this one as a module.
MODULE = """
configfile: "my.yaml"

module codecfake:
    snakefile: "{snakefile}"
    config: config

use rule * from codecfake as codecfake_*

rule mine:
    default_target: True
    input: rules.codecfake_all.input
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory) -> Project:
    """A copy of the complete run, made outside its read-only checkout."""
    return finished_run.copy(finished, tmp_path_factory.mktemp("project"))


def test_run_produces_matrix_and_report(project):
    results = project.work / SPLIT
    matrix = pd.read_csv(results / "eer_matrix.tsv", sep="\t", index_col="trained_on")
    assert list(matrix.index) == [*CODECS, "pooled"]
    assert list(matrix.columns) == [*CODECS, "pooled"]
    assert matrix.apply(lambda column: column.between(0, 100)).all(axis=None)
    cell = json.loads((results / "eer_matrix.json").read_text())["pooled"]["academicodec_mini"]
    assert (cell["bonafide_trials"], cell["spoof_trials"]) == (12, 12)
    page = (project.work / "results/small/report/split/report.html").read_text()
    assert "score_protocol" in page
    assert "small" in page


def test_every_speaker_is_in_one_split(project):
    table = pd.read_csv(project.work / "results/small/splits/split.tsv", sep="\t")
    found = table.groupby("split")["speaker_id"].unique().map(sorted).to_dict()
    assert found == SPEAKERS


def test_second_run_has_nothing_to_do(project):
    result = project.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout


def test_changed_mirror_or_device_reruns_only_the_pages(project):
    planned = project.planned(mirror="/elsewhere", device="auto")
    assert set(planned) == {"resolved_config", "report", "samples"}


def test_new_codec_resynthesises_only_its_own_shards(project):
    planned = project.planned(codecs=[*CODECS, "dac_mini"])
    assert planned["resynthesise_shard"] == 2
    assert planned["protocol"] == 1
    assert planned["train"] == 2  # dac_mini and pooled
    assert planned["waveforms"] == 1
    assert "source_shard" not in planned


def test_changed_seed_retrains_without_resynthesis(project):
    planned = project.planned(seed=8)
    assert planned["train"] == 3
    assert "resynthesise_shard" not in planned


def test_additional_seed_trains_only_its_own_detectors(project):
    assert project.planned(seed=[7, 8])["train"] == 3


def test_deleted_waveforms_are_remade_when_needed(project):
    caches = list((project.work / "results/small/published/.waveforms").glob("*.arrow"))
    assert len(caches) == 3
    for path in caches:
        path.unlink()
    assert project.planned() == {}
    detector = project.work / SPLIT / "detectors/lfcc_lcnn/seed7/academicodec_mini.pt"
    before = detector.read_bytes()
    detector.unlink()
    result = project.snakemake()
    assert result.returncode == 0, result.stdout
    assert detector.read_bytes() == before


#: Rules whose commands import a module, by module. Their outputs make the results of later rules stale.
REACHED = {
    "codecs/audiodec": {"resynthesise_shard"},
    "codecs/dac": set(),  # a codec that is not in the run
    "corpora/folder": {"corpus", "source_shard"},
    "corpora/selection": {"corpus", "splits"},
    "detectors/lfcc_lcnn": {"train", "score_protocol"},
    "trials/protocol": TRIALS | {"protocol", "report", "samples", "quality"},
    "training/trainer": {"train"},
    "evaluation/metrics": {"train", "matrix", "audit", "quality", "quality_table", "report"},
    "runtime/device": {"resynthesise_shard", "train", "score_protocol"},
    "report/page": {"report"},
    "cli/train": {"train"},
    "cli/main": set(),
    "cli/printing": set(),
    "util/files": set(),
}


@pytest.mark.parametrize("module", REACHED)
def test_edit_reruns_the_rules_that_depend_on_the_module(project, module):
    path = project.folder / f"workflow/codecfake/{module}.py"
    before, time = path.read_bytes(), path.stat().st_mtime
    try:
        project.touch_later(f"workflow/codecfake/{module}.py")
        planned = set(project.planned())
    finally:
        path.write_bytes(before)
        os.utime(path, (time, time))
    assert planned == project.downstream(REACHED[module])


def test_verbs_load_only_modules_that_their_rules_depend_on(project):
    chosen = ("codecs/identity", "codecs/academicodec", "codecs/audiodec", "corpora/folder", "detectors/lfcc_lcnn")
    makers = ("trials/codec_waveforms",)  # used through descriptions, which contain the digest of the makers' code
    found = {}
    for path in project.loaded.iterdir():
        names = {name.replace(".", "/").removeprefix("codecfake/") for name in path.read_text().split()}
        found.setdefault(path.name.partition(".")[0], set()).update(names)
    assert set(found) >= {"corpus", "resynthesise-shard", "waveforms", "train", "score-protocol", "matrix", "report"}
    for verb, loaded in found.items():
        reached = source_files(f"cli/{verb.replace('-', '_')}", *chosen, *makers)
        names = {path.relative_to(PACKAGE).with_suffix("").as_posix().removesuffix("/__init__") for path in reached}
        # packages without code are no dependencies
        others = {name for name in loaded - names if "/" in name}
        others = {name for name in others if not f"{name}.py".startswith(("cli/", *EXEMPT))}
        assert others == set(), verb


def test_touch_accepts_results_after_an_edit(project):
    path = project.folder / "workflow/codecfake/training/trainer.py"
    before, time = path.read_bytes(), path.stat().st_mtime
    made = {name: (project.work / name).read_bytes() for name in ACCEPTED}
    try:
        project.touch_later("workflow/codecfake/training/trainer.py")
        assert project.planned()["train"] == 3
        result = project.snakemake("--touch")
        assert result.returncode == 0, result.stdout
        assert project.planned() == {}
    finally:
        path.write_bytes(before)
        os.utime(path, (time, time))
    assert project.planned() == {}
    assert {name: (project.work / name).read_bytes() for name in ACCEPTED} == made


def test_deleted_shard_and_its_dependents_are_remade_identically(project):
    results = project.work / SPLIT
    shard = project.work / "results/small/published/resynthesised/academicodec_mini/001.parquet"
    kept = {
        path: path.read_bytes()
        for path in (shard, results / "metrics.tsv", results / "scores/lfcc_lcnn/seed7/pooled.tsv")
    }
    untouched = results / "detectors/lfcc_lcnn/seed7/audiodec_mini.pt"
    untouched_time = untouched.stat().st_mtime_ns
    shard.unlink()
    planned = project.planned()
    assert planned["resynthesise_shard"] == 1
    assert planned["protocol"] == 1
    assert planned["train"] == 2
    assert "source_shard" not in planned
    result = project.snakemake()
    assert result.returncode == 0, result.stdout
    assert {path: path.read_bytes() for path in kept} == kept
    assert untouched.stat().st_mtime_ns == untouched_time


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("published/split/eer_matrix.json", "matrix"),
        ("corpus/speakers.tsv", "corpus"),
        ("splits/split.tsv", "splits"),
        ("published/split/keys/asvspoof5.tsv", "keys"),
    ],
)
def test_any_deleted_file_is_remade(project, name, rule):
    path = project.work / "results/small" / name
    kept = path.read_bytes(), path.stat()
    path.unlink()
    planned = project.planned()
    path.write_bytes(kept[0])
    os.utime(path, ns=(kept[1].st_atime_ns, kept[1].st_mtime_ns))
    assert planned[rule] == 1
    assert project.planned() == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codec": ["x"]}, "unknown key 'codec'"),
        ({"codecs": ["opus"]}, "unknown codec 'opus'; allowed:"),
        ({"detector": {"name": "resnet"}}, "unknown detector 'resnet'; allowed: aasist, aasist_2019, aasist_l, "),
        ({"shards": 0}, "shards: 0 is not allowed; allowed: at least 1"),
    ],
)
def test_invalid_config_stops_before_any_job(project, changes, message):
    result = project.snakemake(**changes)
    assert result.returncode != 0
    assert message in result.stdout


def test_speaker_in_two_splits_is_named_and_no_table_is_written(project, tmp_path):
    corpus = {**project.config["corpus"], "splits": {"dev": ["s3"], "eval": ["s3", "s4"]}}
    result = project.snakemake(corpus=corpus, run="twice")
    assert result.returncode != 0
    assert "speaker 's3' is in both 'dev' and 'eval'" in result.stdout
    assert not (project.work / "results/twice/splits/split.tsv").exists()
    assert not (project.work / "results/twice/published").exists()


def test_bad_recordings_are_named_before_any_computation(project):
    result = project.snakemake(corpus={**project.config["corpus"], "on_bad_audio": "fail"}, run="damaged")
    said = result.stdout
    assert result.returncode != 0
    assert "2 of 32 recordings cannot be used:\n" in said
    assert "s1/nan.wav: sample 100 is nan; only finite samples are allowed" in said
    assert re.search(r"s4/short\.wav: \d+ bytes; its header says \d+: the file was cut short", said)
    assert list((project.work / "results/damaged").glob("corpus/*")) == []


def test_skipped_recordings_are_in_the_report_but_in_neither_class(project):
    for codec in ("identity", *CODECS):
        trials = pd.read_csv(project.work / SPLIT / f"protocols/{codec}.tsv", sep="\t")
        assert len(trials) == 30
        assert not {"s1_nan", "s4_short"} & set(trials["utterance_id"])
    page = (project.work / "results/small/report/split/report.html").read_text()
    assert "s1/nan.wav: sample 100 is nan" in page
    assert "s4_short" in page


def test_changed_split_reruns_no_resynthesis(project):
    corpus = {**project.config["corpus"], "splits": {"dev": ["s5"], "eval": ["s3", "s4"]}}
    planned = project.planned(corpus=corpus)
    assert planned["splits"] == 1
    assert planned["train"] == 3
    assert not {"corpus", "source_shard", "resynthesise_shard"} & set(planned)


def test_folds_share_audio_and_have_their_own_results(project):
    corpus = {key: value for key, value in project.config["corpus"].items() if key != "splits"}
    for number in range(2):
        # a second config file, as in the README's loop
        (project.work / "fold.yaml").write_text(f"corpus: {{folds: {{count: 5, eval: {number}}}}}\n")
        planned = project.planned("fold.yaml", corpus=corpus)
        assert planned["train"] == 3
        assert not {"corpus", "source_shard", "resynthesise_shard"} & set(planned)
    target = "results/small/published/fold1of5/protocols/academicodec_mini.tsv"
    result = project.snakemake(target, corpus={**corpus, "folds": {"count": 5, "eval": 1}})
    assert result.returncode == 0, result.stdout
    trials = pd.read_csv(project.work / target, sep="\t")
    assert trials.groupby("split")["speaker_id"].nunique().to_dict() == {"dev": 1, "eval": 1, "train": 3}


def test_concurrent_runs_of_the_same_results_are_refused(project):
    with FileLock(project.work / "results/small/.running"):
        dry = project.snakemake("--dry-run", seed=9)
        assert dry.returncode == 0
        result = project.snakemake("results/small/report/split/config.json", seed=9)
    assert result.returncode != 0
    assert (
        "results/small: another snakemake, or jobs of a killed snakemake, are still writing these results"
        in result.stdout
    )


def test_snakemake_report_needs_no_network(project, tmp_path):
    result = project.snakemake("--report", str(tmp_path / "report.html"))
    assert result.returncode == 0, result.stdout
    page = (tmp_path / "report.html").read_text()
    assert "score_protocol" in page
    assert "eer_matrix.png" in page
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']https?:""", page)


def test_two_jobs_run_on_separate_gpus(project, monkeypatch):
    gpus = [f"fake{number}-{os.getpid()}" for number in range(2)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(gpus))
    changes = {"run": "gpus", "device": "auto", "codecs": CODECS[:1]}
    result = project.snakemake("--cores", "2", "--resources", "gpu=2", "--until", "resynthesise_shard", **changes)
    assert result.returncode == 0, result.stdout
    logs = (project.work / "results/gpus/published/logs/resynthesise_shard").glob("*.log")
    assert {re.search(r"^GPU (\S+)", log.read_text(), re.MULTILINE)[1] for log in logs} == set(gpus)


def run_in(work: Path, checkout: Path, *options) -> str:
    """Run Snakemake in a folder outside the checkout, and return its output."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *map(str, options)]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "workflow")}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def contents(checkout: Path) -> dict[str, bytes]:
    """Return the content of each file in a checkout, except compiled Python."""
    paths = (path for path in checkout.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(checkout)): path.read_bytes() for path in paths}


def test_run_works_outside_a_read_only_checkout(finished, project, tmp_path):
    unused = Project(tmp_path / "unused", {}, [])
    unused.pretend_gpus()
    assert contents(finished / "checkout") == contents(unused.folder)
    # the same run with --directory from the checkout
    config = project.work / "small.yaml"
    config.write_text(yaml.safe_dump(project.config))
    said = run_in(project.folder, project.folder, "-d", project.work, "--configfile", config)
    assert "Nothing to be done" in said


def test_workflow_can_be_used_as_a_module(finished, project, tmp_path):
    checkout, work = finished / "checkout", tmp_path
    (work / "my.yaml").write_text(yaml.safe_dump({**project.config, "codecs": CODECS[:1], "train_sets": ["each"]}))
    (work / "Snakefile").write_text(MODULE.format(snakefile=checkout / "Snakefile"))
    said = run_in(work, checkout, "-n")
    assert re.search(r"^codecfake_train +1$", said, re.MULTILINE)
    assert re.search(r"^codecfake_report +1$", said, re.MULTILINE)
    run_in(work, checkout, "results/small/splits/split.tsv")
    assert (work / "results/small/splits/split.tsv").is_file()


def test_dry_run_and_lint_change_no_files(project):
    def files() -> dict:
        kept = [path for path in project.folder.parent.rglob("*") if ".snakemake" not in path.parts and path.is_file()]
        return {path: path.stat().st_mtime_ns for path in kept if path.name != "small.yaml"}

    before = files()
    project.planned()
    planned = project.snakemake("-n", "--forceall").stdout
    assert max(map(len, planned.splitlines())) < 400, "a page-long list of files"
    assert project.snakemake("--lint").returncode == 0
    assert files() == before


def test_every_rule_has_a_log_and_a_benchmark():
    for path in (REPOSITORY / "workflow/rules").glob("[1-8]_*.smk"):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            assert "    log:\n" in rule, rule
            assert "    benchmark:\n" in rule, rule


def test_job_of_a_killed_snakemake_does_not_start_after_a_takeover(project, monkeypatch):
    job = ("results/small/splits/split.tsv", "--mode", "remote", "--forcerun", "splits")
    current = (project.work / "results/small/.submitter").read_text()
    for submitter, code in (("an earlier one", 1), (current, 0)):
        monkeypatch.setenv("CODECFAKE_SUBMITTER", submitter)
        result = project.snakemake(*job)
        assert result.returncode == code, result.stdout
        assert ("another snakemake has taken over" in result.stdout) == (code == 1)


def test_offline_run_lists_all_missing_files_before_any_job(project):
    result = project.snakemake(codecs=["encodec_24khz", "descript-audio-codec-16khz", "dac_mini"], offline=True)
    said = result.stdout
    assert result.returncode != 0
    assert "offline: missing files: 2. Place" in said
    for name in ("encodec_24khz-d7cc33bc.th", "weights_16khz.pth"):
        assert re.search(rf"cache/\S*{name} \(.*\) from https://", said), name


def test_published_detector_scores_with_its_published_weights(project, shared):
    target = f"{SPLIT}/scores/baselines/aasist_l_2019.tsv"
    result = project.snakemake(target, baselines=["aasist_l_2019"], mirror=str(shared / "mirror"))
    assert result.returncode == 0, result.stdout
    scores = pd.read_csv(project.work / target, sep="\t")
    assert len(scores) == 36
    assert scores["cm-score"].nunique() > 30


@pytest.fixture(scope="module")
def extended_results(project, tmp_path_factory, speech):
    """Results of the run with all kinds of rows and columns; its tests are last, since it changes the results."""
    folder = tmp_path_factory.mktemp("set")
    for label, rate in (("bonafide", 16000), ("spoof", 24000)):
        for number in range(4):
            audio.write(folder / label / f"speaker {number % 2}" / f"{number}.wav", speech(0.6, rate, number), rate)
    result = project.snakemake(
        "--cores",
        "2",
        seed=[7, 8],
        train_sets=["each", "pooled", "leave-one-family-out", "balanced-auxiliary"],
        baselines=["random", "trivial"],
        conditions=["opus_16k", "noise_10db"],
        evaluation_sets={"tts": str(folder)},
    )
    assert result.returncode == 0, result.stdout
    return project.work / SPLIT


def test_matrix_has_the_rows_and_columns_of_the_config(extended_results):
    matrix = pd.read_csv(extended_results / "eer_matrix.tsv", sep="\t", index_col="trained_on")
    trained = [*CODECS, "pooled", "without-academicodec", "without-audiodec"]
    assert list(matrix.index) == [*trained, "balanced-auxiliary", "random", "trivial"]
    assert list(matrix.columns) == [*CODECS, "pooled", "opus_16k", "noise_10db", "tts"]
    table = pd.read_csv(extended_results / "metrics.tsv", sep="\t")
    assert table[table["trained_on"] == "pooled"]["seed"].tolist() == [7.0] * 6 + [8.0] * 6
    both = table[(table["trained_on"] == "random") & (table["evaluated_on"] == "tts")].iloc[0]
    assert (both["bonafide_trials"], both["spoof_trials"], both["speakers"]) == (4, 4, 2)
    # only one codec is left to train on
    assert (matrix.loc["without-academicodec"] == matrix.loc["audiodec_mini"]).all()


def test_scores_and_keys_have_the_same_trials(extended_results):
    key = pd.read_csv(extended_results / "keys/asvspoof5.tsv", sep="\t")
    assert list(key.columns) == ["filename", "cm-label"]
    for path in (extended_results / "scores").rglob("*.tsv"):
        scores = pd.read_csv(path, sep="\t")
        assert list(scores.columns) == ["filename", "cm-score"]
        assert (set(scores["filename"]) == set(key["filename"])) == (not path.name.endswith(".other.tsv")), path
    protocol = (extended_results / "keys/asvspoof2019.dev.txt").read_text().splitlines()
    assert len(protocol) == 18
    assert "s3 identity+s3_0 - - bonafide" in protocol
    assert "s3 audiodec_mini+s3_5 - audiodec_mini spoof" in protocol
