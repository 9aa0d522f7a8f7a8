"""Without the package pesq: no values, one line of warning, an explanation in the report."""

import math
import sys
import time

import numpy as np
import pandas as pd
import pytest

from codecfake.audio import intelligibility
from codecfake.audio import io as audio
from codecfake.cli import codec_quality
from codecfake.cli.main import parser
from codecfake.corpora.released import open_set
from codecfake.data import tables as data_tables
from codecfake.data.shards import shard_path
from codecfake.pipeline import config
from codecfake.quality import dnsmos, fidelity
from codecfake.quality import summary as quality_summary
from codecfake.quality.measurement import measure
from codecfake.report import tables
from codecfake.training import codec_data
from codecfake.util.constants import IDENTITY
from tiny_run import MUFFLED, make_run

SAID = "PESQ is not installed: its values stay empty (to add it: make env PESQ=1)\n"


@pytest.fixture
def absent(monkeypatch):
    """Hide the package pesq for one test."""
    monkeypatch.setitem(sys.modules, "pesq", None)
    intelligibility.has_pesq.cache_clear()
    yield
    intelligibility.has_pesq.cache_clear()


def test_pesq_is_undefined_and_one_warning_is_printed(absent, speech, capsys):
    spoken = speech(1.0)
    for degraded in (spoken, np.zeros_like(spoken)):
        assert math.isnan(intelligibility.pesq_wb(spoken, degraded, 16000))
    assert capsys.readouterr().err == SAID


@pytest.mark.filterwarnings("error")
def test_only_the_mean_of_pesq_is_undefined(absent, speech):
    stoi, pesq_wb = intelligibility.mean_quality([(speech(1.0), speech(1.0))], 16000)
    assert math.isnan(pesq_wb)
    assert stoi == pytest.approx(1.0)


class SlowToFail:
    """An import finder that fails slowly for the package pesq."""

    def find_spec(self, name, path=None, target=None):
        if name == "pesq":
            time.sleep(0.2)
            raise ImportError(name)


def test_threads_print_one_warning(absent, speech, tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "pesq")
    monkeypatch.setattr(sys, "meta_path", [SlowToFail(), *sys.meta_path])
    for number in range(4):
        audio.write(tmp_path / f"dac+a_{number}.wav", speech(0.5, seed=number), 16000)
    folder = open_set(tmp_path)
    row = fidelity.readable(fidelity.compare(folder, folder, [], 4, 4))[1]
    assert row[2 + list(fidelity.MEASURES).index("pesq_wb")] == "-"
    assert capsys.readouterr().err.count(SAID) == 1


def test_quality_table_has_an_empty_pesq_column(absent, speech, tmp_path, monkeypatch):
    monkeypatch.setattr(dnsmos, "rate", lambda _: dnsmos.Dnsmos(3.0, 3.5, 4.0))
    _, protocols = make_run(tmp_path, speech, {"train": 1, "dev": 1, "eval": 2}, 1)
    bonafide, shards = ([shard_path(tmp_path, codec, number) for number in range(3)] for codec in (IDENTITY, MUFFLED))
    table = measure(MUFFLED, bonafide, shards, protocols[MUFFLED], 2, 2)
    data_tables.write(table, quality_summary.Quality, tmp_path / "muffled.tsv")
    read = data_tables.read(tmp_path / "muffled.tsv", quality_summary.Quality)
    assert read["pesq_wb"].isna().all()
    assert read["mel_distance"].notna().all()
    summary = quality_summary.summary(read, 0)
    assert summary.set_index("measure").loc["pesq_wb", "utterances"] == 0
    assert tables.lacks_pesq(summary)


def test_codec_quality_prints_a_dash(absent, speech, monkeypatch, capsys):
    monkeypatch.setattr(codec_quality, "open_corpus", lambda *_: None)
    monkeypatch.setattr(codec_data, "pcm_of_split", lambda *_: [audio.to_pcm16(speech(1.0))])
    args = parser().parse_args(["codec-quality", "--codec", "identity", "--config", str(config.CONFIG / "demo.yaml")])
    args.run(args)
    assert capsys.readouterr().out.splitlines()[-1].split("\t") == ["identity", "1.000", "-", "-", "1"]


@pytest.mark.parametrize(("utterances", "expected"), [({"a": 0, "b": 0}, True), ({"a": 0, "b": 3}, False), ({}, False)])
def test_report_lacks_pesq_if_no_codec_has_values(utterances, expected):
    rows = [
        {"codec": codec, "measure": "pesq_wb", "utterances": number}
        for codec, number in {IDENTITY: 0, **utterances}.items()
    ]
    stoi = [{"codec": "a", "measure": "stoi", "utterances": 3}]
    assert tables.lacks_pesq(pd.DataFrame([*rows, *stoi])) == expected
