"""The audit commands: output, files, refused input."""

import json

import pytest

from audited_set import PER_SPEAKER, SPEAKERS, write_set
from codecfake.audio import io as audio
from codecfake.audit.comparison import Duplicates, Ranges
from codecfake.audit.cues import Cues
from codecfake.audit.probe import Probe
from codecfake.audit.summary import Audit
from codecfake.cli.main import parser
from codecfake.data import tables
from codecfake.data.result_files import AuditFiles
from codecfake.data.shards import shard_path, shard_row, write_shard
from codecfake.pipeline.config import hops
from codecfake.util.errors import DataError

CLIPS = SPEAKERS * PER_SPEAKER


def run(*arguments) -> None:
    args = parser().parse_args([str(argument) for argument in arguments])
    args.run(args)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, speech):
    return write_set(tmp_path_factory.mktemp("set"), speech, ["gain", "hop"])


@pytest.fixture(scope="module")
def shards(tmp_path_factory, folder):
    """The set as the shards of a run, two per codec, of unequal size."""
    below = tmp_path_factory.mktemp("shards")
    for codec, name in {"genuine": "identity", "gain": "gain", "hop": "hop"}.items():
        files = sorted(folder.glob(f"{codec}+*.wav"))
        for shard, part in enumerate((files[:5], files[5:])):
            rows = [
                shard_row(
                    *audio.read(path),
                    label="bonafide" if name == "identity" else "spoof",
                    speaker_id=path.stem.partition("+")[2].partition("_")[0],
                    utterance_id=path.stem.partition("+")[2],
                    codec_name=name,
                )
                for path in part
            ]
            write_shard(shard_path(below, name, shard), rows)
    return below


def test_audit_prints_table_and_verdicts(folder, capsys):
    run("audit", folder, "--workers", 1)
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split()[:4] == ["codec", "clips", "format", "Hz"]
    assert lines[1].split()[:4] == ["identity", str(CLIPS), "PCM_16", "16000"]
    assert "  level: +3 dB against bona fide" in lines
    assert "  length: input rounded down to a multiple of 320, always (bona fide 0 %)" in lines
    assert "gain" in printed.err  # the progress bar


def test_json_output_has_all_tables(folder, capsys):
    run("audit", folder, "--json", "--utterances", 12)
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["table", "ranges", "probe", "duplicates"]
    assert [row["clips"] for row in told["table"]] == [12, 12, 12]
    assert set(told["probe"][0]) == set(tables.columns(Probe))


def test_out_folder_has_tables_figure_and_verdicts(folder, tmp_path, capsys):
    run("audit", folder, "--out", tmp_path / "out")
    printed = capsys.readouterr().out
    assert (tmp_path / "out/verdicts.txt").read_text() == printed.partition("\n\n")[2]
    assert (tmp_path / "out/audit.png").read_bytes().startswith(b"\x89PNG")
    for name, model in {"audit": Audit, "ranges": Ranges, "probe": Probe, "duplicates": Duplicates}.items():
        tables.read(tmp_path / f"out/{name}.tsv", model)
    assert sorted(path.name for path in (tmp_path / "out/cues").iterdir()) == ["gain.tsv", "hop.tsv", "identity.tsv"]
    assert not any(part.name.endswith(".part") for part in tmp_path.rglob("*"))


def test_utterance_subset_is_the_same_for_every_codec(folder, tmp_path):
    run("audit", folder, "--utterances", 7, "--out", tmp_path)
    chosen = [list(tables.read(path, Cues)["utterance_id"]) for path in (tmp_path / "cues").iterdir()]
    assert [len(some) for some in chosen] == [7, 7, 7]
    assert chosen[0] == chosen[1] == chosen[2]
    run("audit", folder, "--utterances", 8, "--out", tmp_path)
    assert set(chosen[0]) < set(tables.read(tmp_path / "cues/gain.tsv", Cues)["utterance_id"])


def test_rules_and_audit_verb_write_the_same_tables(shards, tmp_path):
    options = []
    for codec in ("identity", "gain", "hop"):
        own, bonafide = (sorted((shards / name).iterdir()) for name in (codec, "identity"))
        out = tmp_path / f"rules/{codec}.tsv"
        run("cues", "--shards", *own, "--bonafide", *bonafide, "--workers", 2, "--out", out)
        options.append(f"{codec}={out}")
    settings = ("--hops", *hops())
    run("audit-tables", "--cues", *options, *settings, "--out", tmp_path / "rules")
    run("audit", shards, "--out", tmp_path / "user")
    for name in AuditFiles():
        assert (tmp_path / "rules" / name).read_bytes() == (tmp_path / "user" / name).read_bytes(), name
    codecs = tables.read(tmp_path / "rules/audit.tsv", Audit)
    assert (list(codecs["container"]), list(codecs["clips"])) == (["FLAC"] * 3, [CLIPS] * 3)


def test_set_without_bona_fide_speech_is_refused_before_measuring(folder, tmp_path):
    for path in folder.glob("gain+s0_*.wav"):
        (tmp_path / path.name).write_bytes(b"not read")
    with pytest.raises(DataError, match="codecs: gain; an audit needs bona fide speech"):
        run("audit", tmp_path)


@pytest.mark.parametrize("option", ["--utterances", "--workers"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_invalid_number_is_refused(folder, option, value, capsys):
    with pytest.raises(SystemExit):
        run("audit", folder, option, value)
    assert value in capsys.readouterr().err
