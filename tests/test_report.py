"""The HTML report of a small made-up run: self-contained, complete, escaped, and drawn by a browser."""

import base64
import importlib.metadata

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from codecfake import audio, manifest
from codecfake.corpora import LeftOut, Speaker, Utterance
from codecfake.dataset import shard_path
from codecfake.evaluate import Evaluation
from codecfake.names import IDENTITY
from codecfake.report import counts, write_report
from codecfake.store import Shard
from html_page import Page, chromium
from tiny_run import make_run

CODEC = 'muffled <i>"1 kHz" & co'
ROWS = (CODEC, "pooled")
EER = [[0.0123], [0.4567]]
MATRIX = [["train \\ eval", CODEC], [CODEC, "1.23"], ["pooled", "45.67"]]
TEXT = "Please <i> & thank you"
RATE = {"n_q": 6, "bandwidth_kbps": 1.5}
RUN = {
    "run": "tiny <script>alert(1)</script>",
    "seed": 1234,
    "corpus": {"name": "folder", "path": "https://example.org/corpus"},
    "codecs": [CODEC],
    "detector": {"name": "lfcc_lcnn"},
    "codec_entries": {
        IDENTITY: {"family": "identity", "sample_rate": 16000, "hop": 1, "licence": {"weights": "none"}},
        CODEC: {"family": "filter", "sample_rate": 16000, "hop": 64, "licence": {"weights": "CC0"}, **RATE},
    },
    "detector_entry": {"module": "lfcc_lcnn"},
}


def benchmark(folder, name: str, *lines: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
    path.write_text("\n".join([columns, *lines]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def html(folder, speech) -> str:
    """The page of a made-up run; its shards are real."""
    utterances, _ = make_run(folder, speech, {"train": 2, "dev": 1, "eval": 3}, 2, codecs=(IDENTITY, CODEC))
    random = np.random.default_rng(0)
    evaluation = Evaluation(
        pd.DataFrame(EER, index=pd.Index(ROWS, name="train_codec"), columns=[CODEC]),
        {row: random.normal(1, 1, 30) for row in ROWS},
        {(row, CODEC): random.normal(0, 1, 30) for row in ROWS},
    )
    benchmark(folder / "benchmarks", "train/pooled.tsv", "12.5\t0:00:12\t321.0\t1\t1\t1\t1\t1\t90\t11")
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.7, 0.34567], "dev_eer": [0.25, 0.125]})
    split_of = {speaker: speaker.rstrip("0123456789") for speaker in utterances["speaker_id"]}
    left_out = [LeftOut(f"eval0_{number}", "eval0", "no <mic>") for number in range(7, 9)]
    left_out.append(LeftOut("dev0_9", "dev0", "cut short"))
    utterances["text"] = TEXT
    known = {"eval0": Speaker("23", "F", comment="<b>"), "dev0": Speaker(age="44")}
    write_report(
        folder / "report.html",
        run=RUN,
        evaluation=evaluation,
        utterances=utterances,
        left_out=manifest.left_out_table(left_out),
        speakers=manifest.speaker_table([Utterance("x", speaker, "", 1, 1) for speaker in split_of], left_out, known),
        splits=manifest.split_table(split_of),
        resynthesised=folder,
        benchmarks=[folder / "benchmarks"],
        training=dict.fromkeys(ROWS, history),
    )
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_the_page_needs_no_other_file_and_no_network(page, html):
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "base")
        for name in {"src", "href", "srcset", "data", "action", "poster"} & attributes.keys():
            assert attributes[name].startswith(("data:", "#"))
    assert "url(" not in html
    assert "@import" not in html
    assert "https://example.org/corpus" in page.text


def test_every_cell_of_the_matrix_is_in_its_table_and_figures_are_embedded(page):
    assert page.table("train \\ eval") == MATRIX
    heatmap, *det_curves = page.sources("img")
    assert len(det_curves) == len(ROWS)
    for source in (heatmap, *det_curves):
        assert base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True).startswith(b"\x89PNG")


def test_names_are_escaped(page, html):
    assert page.text.count(RUN["run"]) >= 2
    assert "<script" not in html
    assert "<i>" not in html


def test_the_codecs_the_training_and_the_seconds_are_told(page):
    assert page.table("codec")[1:] == [
        [IDENTITY, "identity", "16000", "1", "", "", "none"],
        [CODEC, "filter", "16000", "64", "6", "1.5", "CC0"],
    ]
    rows = [["1", "0.700", "25.00"], ["2", "0.346", "12.50"]]
    assert [row[1:] for row in page.table("trained on")[1:]] == rows * 2
    assert page.table("rule")[1:] == [["train", "1", "12.5", "12.5", "88", "321", "", ""]]


def test_what_is_left_out_is_told_with_its_reason(page):
    assert page.table("reason")[1:] == [["cut short", "1", "dev0_9"], ["no <mic>", "2", "eval0"]]


def test_speakers_are_told_with_what_is_known_of_them(page):
    head, *rows = page.table("speaker")
    assert head == ["speaker", "split", "utterances", "left out", "without text", "age", "gender", "comment"]
    assert rows[:2] == [
        ["dev0", "dev", "1", "1", "1", "44", "", ""],
        ["eval0", "eval", "1", "2", "1", "23", "F", "<b>"],
    ]


def test_what_was_run_is_told(page):
    assert "seed: 1234" in page.text
    assert "codec_entries" not in page.text
    versions = dict(page.tables[-1])
    assert versions["torch"] == importlib.metadata.version("torch")
    assert {"codecfake", "python", "snakemake", "machine"} <= versions.keys()


def test_samples_are_the_stored_eval_utterances_as_flac(page, folder):
    sources = page.sources("audio")
    rows = page.table("utterance")[1:]
    assert [row[0] for row in rows] == [f"eval0_0{TEXT}", f"eval1_0{TEXT}"]
    places = [(codec, row) for row in (0, 2) for codec in (IDENTITY, CODEC)]
    for source, (codec, row) in zip(sources, places, strict=True):
        mime, content = source.split(";base64,")
        assert mime == "data:audio/flac"
        data = base64.b64decode(content, validate=True)
        assert data.startswith(b"fLaC")
        samples, sample_rate = audio.decode(data, "sample")
        assert sample_rate == 16000
        assert np.array_equal(samples, Shard(shard_path(folder, codec, 2)).samples(row)[0])


def test_counts_are_of_each_split_in_order():
    rows = [["e1", "e", "eval", 16000, 480000], ["t1", "t", "train", 16000, 960000], ["d1", "d", "dev", 16000, 96000]]
    rows += [["t2", "t", "train", 48000, 1440000], ["t3", "u", "train", 8000, 96000]]
    table = counts(pd.DataFrame(rows, columns=["utterance_id", "speaker_id", "split", "sample_rate", "num_samples"]))
    assert table.to_numpy().tolist() == [["train", 2, 3, 1.7], ["dev", 1, 1, 0.1], ["eval", 1, 1, 0.5]]


@pytest.mark.browser
def test_a_browser_shows_the_matrix(html, folder):
    page = Page(chromium(folder / "report.html", "--dump-dom"))
    assert ("table", {"id": "matrix"}) in page.tags
    assert page.table("train \\ eval") == MATRIX


@pytest.mark.browser
def test_a_browser_draws_the_page(html, folder):
    picture = folder / "page.png"
    chromium(folder / "report.html", f"--screenshot={picture}", "--window-size=1000,1400")
    pixels = plt.imread(picture)
    assert pixels.shape[:2] == (1400, 1000)
    # text dark on light, and the heatmap's colours
    assert pixels[..., :3].std() > 0.05
    assert np.ptp(pixels[..., :3], axis=2).max() > 0.3
