"""The whole experiment, small, through the real Snakemake: what runs, what does not run again."""

import collections
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from codecfake import audio

REPOSITORY = Path(__file__).resolve().parents[1]
SPEAKERS = {"train": ["s1", "s2"], "dev": ["s3"], "eval": ["s4", "s5"]}


class Project:
    """A copy of the repository's workflow in which a run can be made."""

    def __init__(self, folder: Path, corpus: Path):
        self.folder = folder
        for name in ("Snakefile", "workflow", "config", "envs", "profiles"):
            source = REPOSITORY / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, folder / name)
        self.config = {
            "run": "small",
            "seed": 7,
            "corpus": {"name": "folder", "path": str(corpus), "splits": {k: SPEAKERS[k] for k in ("dev", "eval")}},
            "shards": 2,
            "codecs": ["encodec_mini", "speechtokenizer_mini"],
            "detector": {
                "name": "lfcc_lcnn",
                "options": {"crop_samples": 8000, "epochs": 1, "model": {"width": 0.1, "dropout": 0.1, "max_hz": 8000}},
            },
            "cache": str(folder / "cache"),
            "device": "cpu",
        }

    def snakemake(self, *options: str, **changes) -> subprocess.CompletedProcess:
        (self.folder / "small.yaml").write_text(yaml.safe_dump({**self.config, **changes}))
        command = [sys.executable, "-m", "snakemake", "--configfile", "small.yaml", "--cores", "1", *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def planned(self, **changes) -> collections.Counter:
        """Rules that a dry run would run, with how often."""
        result = self.snakemake("--dry-run", **changes)
        assert result.returncode == 0, result.stdout + result.stderr
        table = re.search(r"^job +count\n[- ]+\n(.*?)\n\n", result.stdout, re.DOTALL | re.MULTILINE)
        rows = [line.split() for line in table[1].splitlines()] if table else []
        return collections.Counter({rule: int(count) for rule, count in rows if rule not in ("all", "total")})

    def touch_later(self, name: str) -> None:
        """Change a source file as an editor would."""
        path = self.folder / name
        path.write_text(path.read_text() + "\n# changed\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory, speech):
    folder = tmp_path_factory.mktemp("project")
    number = 0
    for speakers in SPEAKERS.values():
        for speaker in speakers:
            for index in range(6):
                number += 1
                path = folder / "corpus" / speaker / f"{index}.wav"
                audio.write_wav(path, speech(0.6, 16000, number), 16000)
    made = Project(folder, folder / "corpus")
    result = made.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    return made


def test_a_run_ends_with_matrix_and_report(project):
    results = project.folder / "results" / "small"
    matrix = pd.read_csv(results / "eer_matrix.tsv", sep="\t", index_col="train_codec")
    assert list(matrix.index) == ["encodec_mini", "speechtokenizer_mini", "pooled"]
    assert list(matrix.columns) == ["encodec_mini", "speechtokenizer_mini"]
    assert matrix.apply(lambda column: column.between(0, 100)).all(axis=None)
    cell = json.loads((results / "eer_matrix.json").read_text())["pooled"]["encodec_mini"]
    assert (cell["bonafide_trials"], cell["spoof_trials"]) == (12, 12)
    page = (results / "report.html").read_text()
    assert "score_protocol" in page
    assert "small" in page


def test_speakers_are_in_one_split_only(project):
    table = pd.read_csv(project.folder / "results/small/corpus/utterances.tsv", sep="\t")
    found = table.groupby("split")["speaker_id"].unique().map(sorted).to_dict()
    assert found == SPEAKERS


def test_a_second_run_does_nothing_and_says_so(project):
    result = project.snakemake()
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout + result.stderr


def test_another_mirror_or_device_reruns_only_the_report(project):
    assert set(project.planned(mirror="/elsewhere", device="auto")) == {"resolved_config", "report"}


def test_a_new_codec_makes_its_own_shards_only(project):
    planned = project.planned(codecs=["encodec_mini", "speechtokenizer_mini", "dac_mini"])
    assert planned["resynthesise_shard"] == 2
    assert planned["protocol"] == 1
    assert planned["train"] == 2  # dac_mini and pooled
    assert "source_shard" not in planned


def test_another_seed_trains_again_but_resynthesises_nothing(project):
    planned = project.planned(seed=8)
    assert planned["train"] == 3
    assert "resynthesise_shard" not in planned


def test_a_changed_adapter_reruns_its_codec_only(project):
    adapter = project.folder / "workflow/codecfake/codecs/encodec.py"
    before = adapter.read_bytes()
    try:
        project.touch_later("workflow/codecfake/codecs/encodec.py")
        planned = project.planned()
    finally:
        adapter.write_bytes(before)
    assert planned["resynthesise_shard"] == 2
    assert planned["train"] == 2


def test_a_deleted_shard_is_made_again_the_same_with_what_depends_on_it(project):
    results = project.folder / "results" / "small"
    shard = results / "resynthesised/encodec_mini/001.parquet"
    kept = {
        path: path.read_bytes() for path in (shard, results / "eer_matrix.tsv", results / "scores/lfcc_lcnn/pooled.tsv")
    }
    untouched = results / "detectors/lfcc_lcnn/speechtokenizer_mini.pt"
    untouched_time = untouched.stat().st_mtime_ns
    shard.unlink()
    planned = project.planned()
    assert planned["resynthesise_shard"] == 1
    assert planned["protocol"] == 1
    assert planned["train"] == 2
    assert "source_shard" not in planned
    result = project.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    assert untouched.stat().st_mtime_ns == untouched_time


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codec": ["x"]}, "unknown key 'codec'"),
        ({"codecs": ["opus"]}, "unknown codec 'opus'; allowed:"),
        ({"detector": {"name": "resnet"}}, "unknown detector 'resnet'; allowed: lfcc_lcnn"),
        ({"shards": 0}, "shards: 0 is less than the minimum of 1"),
    ],
)
def test_a_wrong_config_stops_before_any_job(project, changes, message):
    result = project.snakemake(**changes)
    assert result.returncode != 0
    assert message in result.stdout + result.stderr


def test_a_speaker_in_two_splits_fails_with_its_name_and_leaves_no_table(project, tmp_path):
    corpus = {**project.config["corpus"], "splits": {"dev": ["s3"], "eval": ["s3", "s4"]}}
    result = project.snakemake(corpus=corpus, run="twice")
    assert result.returncode != 0
    assert "speaker 's3' is in both 'dev' and 'eval'" in result.stdout + result.stderr
    assert not (project.folder / "results/twice/corpus/utterances.tsv").exists()


def test_a_bad_recording_fails_with_its_name_and_leaves_no_shard(project, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(project.folder / "corpus", corpus)
    samples, rate = audio.read(corpus / "s1" / "2.wav")
    samples[100] = np.nan
    soundfile.write(corpus / "s1" / "2.wav", samples, rate, subtype="FLOAT")
    table = pd.read_csv(project.folder / "results/small/corpus/utterances.tsv", sep="\t").set_index("utterance_id")
    shard = f"results/damaged/corpus/{table.loc['s1_2', 'shard']:03d}.parquet"
    result = project.snakemake(shard, corpus={**project.config["corpus"], "path": str(corpus)}, run="damaged")
    assert result.returncode != 0
    assert re.search(r"2\.wav: sample 100 is nan; only finite samples are allowed", result.stdout + result.stderr)
    assert list((project.folder / shard).parent.iterdir()) == [project.folder / "results/damaged/corpus/utterances.tsv"]
