"""A run carried further to a second recipe, and a second run that ingests its set."""

import datasets
import pandas as pd
import pytest
import yaml

import finished_run
from codecfake.cli.main import main
from codecfake.data.shards import Shard
from codecfake.util.constants import IDENTITY
from finished_run import CODECS, SPLITS
from html_page import Page
from snakemake_project import Project

CHANGES = {
    "train_sets": ["pooled"],
    "recipe": ["published", "matched"],
    "matched": {"bandwidth_hz": 7000},
    "tracing": ["codec"],
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory) -> Project:
    """A copy of the complete run, carried further to a second recipe."""
    made = finished_run.copy(finished, tmp_path_factory.mktemp("recipes"))
    made.config |= CHANGES
    result = made.snakemake()
    assert result.returncode == 0, result.stdout
    return made


@pytest.fixture(scope="module")
def results(project):
    return project.work / "results/small"


def rows(folder, codec: str) -> dict[str, dict]:
    """Return the rows of a codec by utterance."""
    shards = sorted((folder / "resynthesised" / codec).glob("*.parquet"))
    return {row["utterance_id"]: row for shard in shards for row in Shard(shard)}


def test_matched_clips_have_one_rate_and_the_bona_fide_length(results):
    bonafide = rows(results / "matched", IDENTITY)
    assert len(bonafide) == 30
    for codec in CODECS:
        matched = rows(results / "matched", codec)
        assert {row["sample_rate"] for row in matched.values()} == {16000}
        assert [row["num_samples"] for row in matched.values()] == [bonafide[name]["num_samples"] for name in matched]


def test_another_recipe_leaves_the_audio_of_the_first_alone(results, finished):
    made = sorted((finished / "work/results/small/published/resynthesised").rglob("*.parquet"))
    assert len(made) == 6
    for path in made:
        copy = results / path.relative_to(finished / "work/results/small")
        assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns


def test_every_recipe_has_its_own_results(results):
    for name in (
        "split/eer_matrix.tsv",
        "split/metrics.tsv",
        "audit/probe.tsv",
        "split/quality.tsv",
        "split/detectors/lfcc_lcnn/seed7/pooled.pt",
    ):
        first, second = results / "published" / name, results / "matched" / name
        assert first.read_bytes() != second.read_bytes(), name
    audit = pd.read_csv(results / "published/audit/audit.tsv", sep="\t").set_index("codec")
    assert "level: +" in audit.loc["academicodec_mini", "verdict"]
    assert "delay: +" in audit.loc["audiodec_mini", "verdict"]
    matched = pd.read_csv(results / "matched/audit/audit.tsv", sep="\t").set_index("codec")["verdict"].dropna()
    assert not matched.str.contains("level:|delay:|polarity:|length:|format:").any()


def test_report_compares_the_recipes(results):
    page = Page((results / "report/split/report.html").read_text())
    head = page.table("eval codec")[0]
    tables = {attributes.get("id") for tag, attributes in page.tags if tag == "table"}
    assert {"side-by-side", "verdicts-published", "verdicts-matched", "quality-matched"} <= tables
    assert head[:1] == ["eval codec"]
    assert "by codec, matched" in page.text
    confusion = pd.read_csv(results / "published/split/scores/lfcc_lcnn/seed7/tracing/codec.confusion.tsv", sep="\t")
    assert confusion["trials"].sum() == 3 * 12
    assert (results / "report/split/samples/index.html").is_file()


def test_matched_option_reruns_only_the_matched_set(project):
    planned = project.planned(matched={"bandwidth_hz": 6000})
    assert planned["resynthesise_shard"] == 6
    assert planned["train"] == 1
    assert planned["matrix"] == 1
    assert "source_shard" not in planned


def test_second_run_has_nothing_to_do(project):
    assert project.planned() == {}


@pytest.fixture(scope="module")
def ingested(project):
    """A run that reads the shards of the first run as a released set."""
    corpus = {"name": "codecfake", "path": "results/small/published/resynthesised", "splits": SPLITS}
    changes = {"run": "again", "source": "published", "corpus": corpus, "recipe": "published", "tracing": []}
    changes["shards"] = 1
    settings = {key: value for key, value in project.config.items() if key != "matched"}
    before, project.config = project.config, settings
    result = project.snakemake(**changes)
    project.config = before
    assert result.returncode == 0, result.stdout
    return project.work / "results/again"


def test_released_set_is_ingested_unchanged(results, ingested):
    for codec in (IDENTITY, *CODECS):
        mine, theirs = rows(ingested / "published", codec), rows(results / "published", codec)
        assert mine.keys() == theirs.keys()
        for name, row in mine.items():
            assert row["audio"]["bytes"] == theirs[name]["audio"]["bytes"]
            assert row["speaker_id"] == theirs[name]["speaker_id"]
    assert (ingested / "report/split/report.html").is_file()


def test_matched_set_is_exported_and_loads(project, results, tmp_path, monkeypatch):
    monkeypatch.chdir(project.work)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    config, out = tmp_path / "run.yaml", tmp_path / "set"
    config.write_text(yaml.safe_dump(project.config))
    assert main(["export", str(config), "--to", "hf", "--out", str(out), "--recipe", "matched"]) == 0
    loaded = datasets.load_dataset(str(out), "audiodec_mini", cache_dir=str(tmp_path / "cache"))
    expected = {row["audio"]["bytes"] for row in rows(results / "matched", "audiodec_mini").values()}
    parts = [part.cast_column("audio", datasets.Audio(decode=False)) for part in loaded.values()]
    found = [item for part in parts for item in part]
    assert {item["audio"]["bytes"] for item in found} == expected
    assert {(item["label"], item["codec_name"]) for item in found} == {("spoofing", "audiodec_mini")}
    card = (out / "README.md").read_text()
    assert "matched" in card
