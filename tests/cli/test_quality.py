"""The quality and fidelity commands, called by users and by rules."""

import json

import numpy as np
import pandas as pd
import pytest

from codecfake.audio import io as audio
from codecfake.cli.main import parser
from codecfake.data import tables
from codecfake.data.shards import shard_path
from codecfake.quality import dnsmos, fidelity
from codecfake.quality import summary as quality_summary
from codecfake.trials.protocol import Protocol
from codecfake.util.constants import IDENTITY
from tiny_run import MUFFLED, make_run


def run(*arguments) -> None:
    args = parser().parse_args([str(argument) for argument in arguments])
    args.run(args)


@pytest.fixture
def sets(tmp_path, speech):
    """Two sets of one codec; ours has half the level."""
    for name, gain in (("ours", 0.5), ("published", 1.0)):
        (tmp_path / name).mkdir()
        for number in range(2):
            samples = np.float32(gain) * speech(0.6, seed=number)
            audio.write(tmp_path / name / f"dac+a_{number}.wav", samples, 16000)
    return tmp_path / "ours", tmp_path / "published"


def test_fidelity_prints_a_line_per_codec_and_explains_the_columns(sets, capsys):
    run("fidelity", *sets)
    head, codec, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["codec", "utterances", *fidelity.MEASURES]
    assert codec.split()[:8] == ["dac", "2", "0", "1", "1", "0", "0", "0.5"]
    assert [line.split("  ")[0] for line in rest if line] == list(fidelity.MEASURES)


def test_fidelity_writes_what_it_prints(sets, tmp_path, capsys):
    run("fidelity", *sets, "--codecs", "dac", "--utterances", 1, "--json", "--out", tmp_path / "fidelity.tsv")
    printed = json.loads(capsys.readouterr().out)
    written = tables.read(tmp_path / "fidelity.tsv", fidelity.Fidelity)
    means = np.array([row["mean"] for row in printed], dtype=float)  # null is NaN
    assert means == pytest.approx(written["mean"].to_numpy(), nan_ok=True)
    assert set(written["utterances"]) <= {0, 1}


@pytest.mark.parametrize("number", ["0", "-1", "2.5", "all"])
def test_invalid_number_is_refused(sets, number, capsys):
    with pytest.raises(SystemExit):
        run("fidelity", *sets, "--utterances", number)
    assert f"{number!r}; a whole number above 0 is needed" in capsys.readouterr().err


def test_quality_of_a_run_is_measured_and_summarised(tmp_path, speech, monkeypatch):
    monkeypatch.setattr(dnsmos, "rate", lambda _: dnsmos.Dnsmos(3.0, 3.5, 4.0))
    _, protocols = make_run(tmp_path, speech, {"train": 1, "dev": 1, "eval": 2})
    shards = {codec: [shard_path(tmp_path, codec, number) for number in range(3)] for codec in protocols}
    for codec, protocol in protocols.items():
        tables.write(protocol, Protocol, tmp_path / f"{codec}.tsv")
        options = ("--codec", codec, "--protocol", tmp_path / f"{codec}.tsv", "--utterances", 6, "--workers", 2)
        run(
            "quality",
            *options,
            "--bonafide",
            *shards[IDENTITY],
            "--shards",
            *shards[codec],
            "--out",
            tmp_path / f"{codec}.quality.tsv",
        )
    paths = [tmp_path / f"{codec}.quality.tsv" for codec in (MUFFLED, IDENTITY)]
    muffled, bonafide = (tables.read(path, quality_summary.Quality) for path in paths)
    assert muffled["utterance_id"].tolist() == bonafide["utterance_id"].tolist()
    assert (len(muffled), set(muffled["speaker_id"])) == (6, {"eval0", "eval1"})
    assert muffled["mel_distance"].min() > 0.2
    assert bonafide["mel_distance"].isna().all()

    for name in ("once.tsv", "again.tsv"):
        run("quality-table", "--quality", *paths, "--seed", 3, "--out", tmp_path / name)
    summary = tables.read(tmp_path / "once.tsv", quality_summary.QualitySummary)
    assert summary["codec"].unique().tolist() == [MUFFLED, IDENTITY]
    row = summary.set_index(["codec", "measure"]).loc[(MUFFLED, "mel_distance")]
    assert row["low"] <= row["mean"] <= row["high"]
    assert row["mean"] == pytest.approx(muffled["mel_distance"].mean(), abs=1e-6)
    assert (tmp_path / "once.tsv").read_bytes() == (tmp_path / "again.tsv").read_bytes()


def test_undefined_values_round_trip(tmp_path):
    row = {"codec": "dac", "utterance_id": "007", "speaker_id": "1", **dict.fromkeys(quality_summary.MEASURES, np.nan)}
    tables.write(pd.DataFrame([row]), quality_summary.Quality, tmp_path / "quality.tsv")
    found = tables.read(tmp_path / "quality.tsv", quality_summary.Quality).iloc[0]
    assert (found["utterance_id"], found["speaker_id"]) == ("007", "1")
    assert found[quality_summary.MEASURES].isna().all()
