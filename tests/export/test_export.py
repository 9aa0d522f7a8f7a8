"""Exports: they contain the shards' data, load like the published set, and resume after a stop."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
import zipfile

import datasets
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

from codecfake.audit.probe import Probe
from codecfake.audit.summary import Audit
from codecfake.cli.main import parser
from codecfake.corpora import released
from codecfake.corpora.tables import Splits, Utterances
from codecfake.data import tables
from codecfake.data.shards import Shard, shard_path, write_shard
from codecfake.export import export, published_format
from codecfake.pipeline import config
from codecfake.trials.protocol import Protocol, build_protocol
from codecfake.util.constants import IDENTITY, SPLITS
from codecfake.util.errors import ConfigError, DataError
from codecfake.util.hashing import sha256
from tiny_export import SETTINGS, SPEAKERS, files, source_of, write
from tiny_run import MUFFLED, make_run

PUBLISHED = {IDENTITY: "genuine", MUFFLED: MUFFLED}


@pytest.fixture(scope="module")
def source(tmp_path_factory, speech):
    folder = tmp_path_factory.mktemp("run")
    return source_of(folder, *make_run(folder, speech, SPEAKERS))


@pytest.fixture(scope="module")
def rows(source):
    """All rows of the shards, by their name in an export."""
    found = [row for path in source.resynthesised.rglob("*.parquet") for row in Shard(path)]
    return {f"{PUBLISHED[row['codec_name']]}+{row['utterance_id']}": row for row in found}


@pytest.fixture
def few_rows(monkeypatch):
    """Make files so small that a split has several."""
    monkeypatch.setattr(export, "PART_SECONDS", 1.5)


def load(out, *config_name, cache):
    table = datasets.load_dataset(str(out), *config_name, cache_dir=str(cache))
    assert all(isinstance(split.features["audio"], datasets.Audio) for split in table.values())
    return table.cast_column("audio", datasets.Audio(decode=False))


def test_datasets_loads_the_audio_bytes_of_the_shards(source, rows, few_rows, tmp_path):
    write(source, "hf", tmp_path / "out")
    loaded = load(tmp_path / "out", cache=tmp_path / "cache")
    assert list(loaded) == list(SPLITS)
    found = {}
    for split, table in loaded.items():
        assert table.column_names == ["audio", "label", "speaker_id", "codec_name"]
        for row in table:
            name = row["audio"]["path"].removesuffix(".flac")
            assert name not in found
            found[name] = row
            assert row["speaker_id"].startswith(split)
    assert found.keys() == rows.keys()
    for name, row in found.items():
        assert row["audio"]["bytes"] == rows[name]["audio"]["bytes"]
        assert row["speaker_id"] == rows[name]["speaker_id"]
        assert row["codec_name"] == name.split("+")[0]
        assert row["label"] == ("genuine" if row["codec_name"] == "genuine" else "spoofing")


def test_datasets_loads_a_single_codec_sorted_by_id(source, tmp_path):
    write(source, "hf", tmp_path / "out")
    for codec in ("genuine", MUFFLED):
        for split, table in load(tmp_path / "out", codec, cache=tmp_path / "cache").items():
            assert set(table["codec_name"]) == {codec}
            names = [item["path"] for item in table["audio"]]
            assert names == sorted(names)
            assert len(names) == 4 * SPEAKERS[split]


def test_parquet_has_the_published_columns_and_features(source, tmp_path):
    write(source, "hf", tmp_path)
    for path in tmp_path.rglob("*.parquet"):
        schema = pq.read_schema(path)
        assert [(field.name, str(field.type)) for field in schema] == [
            ("audio", "struct<bytes: binary, path: string>"),
            ("label", "string"),
            ("speaker_id", "string"),
            ("codec_name", "string"),
        ]
        assert datasets.Features.from_arrow_schema(schema) == {
            "audio": datasets.Audio(),
            "label": datasets.Value("string"),
            "speaker_id": datasets.Value("string"),
            "codec_name": datasets.Value("string"),
        }


def test_files_are_limited_in_size_and_have_the_same_utterances_in_every_codec(source, few_rows, tmp_path):
    write(source, "hf", tmp_path)
    lengths = dict(zip(source.utterances["utterance_id"], source.seconds(source.utterances), strict=True))
    ids = {}
    for path in sorted((tmp_path / "data").rglob("*.parquet")):
        names = [item["path"] for item in pq.read_table(path, columns=["audio"])["audio"].to_pylist()]
        ids[path.relative_to(tmp_path / "data").as_posix()] = [
            name.removesuffix(".flac").split("+")[1] for name in names
        ]
    assert {name.split("/")[1] for name in ids if name.startswith("genuine/train")} == {
        f"train-{number:05}-of-00004.parquet" for number in range(4)
    }
    for name, members in ids.items():
        assert 0 < sum(lengths[member] for member in members) <= 1.5 + max(lengths.values())
        assert members == ids[f"genuine/{name.split('/')[1]}"]


def test_wavs_have_the_samples_of_the_shards(source, rows, tmp_path):
    write(source, "wavs", tmp_path, workers=2)
    found = set()
    for codec in ("genuine", MUFFLED):
        with zipfile.ZipFile(tmp_path / f"{codec}.zip") as archive:
            assert archive.testzip() is None
            assert archive.namelist() == sorted(archive.namelist())
            for member in archive.infolist():
                name = member.filename.removesuffix(".wav")
                found.add(name)
                content = archive.read(member)
                described = soundfile.info(io.BytesIO(content))
                assert (described.format, described.subtype, described.samplerate) == ("WAV", "PCM_16", 16000)
                samples, _ = soundfile.read(io.BytesIO(content), dtype="int16")
                expected, _ = soundfile.read(io.BytesIO(rows[name]["audio"]["bytes"]), dtype="int16")
                np.testing.assert_array_equal(samples, expected)
                assert (member.date_time[0], member.compress_type) == (1980, zipfile.ZIP_STORED)
    assert found == rows.keys()


def test_wavs_keep_the_sample_rate_of_their_codec(speech, tmp_path):
    source = source_of(
        tmp_path / "run", *make_run(tmp_path / "run", speech, SPEAKERS, per_speaker=1, sample_rate=24000)
    )
    write(source, "wavs", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / f"out/{MUFFLED}.zip") as archive:
        rates = {soundfile.info(io.BytesIO(archive.read(name))).samplerate for name in archive.namelist()}
    assert rates == {24000}


def test_datalist_lists_every_archive_member(source, rows, tmp_path):
    write(source, "wavs", tmp_path)
    table = pd.read_csv(tmp_path / "datalist.csv", dtype=str)
    assert list(table) == ["path", "label", "speaker", "codec"]
    members = {}
    for codec in ("genuine", MUFFLED):
        with zipfile.ZipFile(tmp_path / f"{codec}.zip") as archive:
            members |= dict.fromkeys(archive.namelist(), codec)
    assert dict(zip(table["path"], table["codec"], strict=True)) == members
    for row in table.itertuples():
        assert row.speaker == rows[row.path.removesuffix(".wav")]["speaker_id"]
        assert row.label == ("genuine" if row.codec == "genuine" else "spoofing")
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / ".cache"), split="train")
    assert loaded.to_pandas().equals(table)


def test_datalist_keeps_ids_that_look_like_numbers(source, tmp_path):
    trials = source.trials.assign(speaker_id="007")
    assert {line.split(",")[2] for line in published_format.datalist(trials).splitlines()[1:]} == {"007"}


@pytest.mark.parametrize("kind", ["hf", "wavs"])
def test_an_export_can_be_read_as_a_released_set(source, rows, kind, tmp_path):
    write(source, kind, tmp_path)
    found = released.open_set(tmp_path)
    assert found.codecs == [IDENTITY, MUFFLED]
    for codec in found.codecs:
        ids = sorted(row["utterance_id"] for row in rows.values() if row["codec_name"] == codec)
        assert [clip.utterance_id for clip in found.clips(codec)] == ids


@pytest.mark.parametrize("kind", ["hf", "wavs"])
def test_sha256sum_verifies_every_file(source, kind, tmp_path):
    sums = write(source, kind, tmp_path)
    result = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert {line.split(": ")[0] for line in result.stdout.splitlines()} == files(tmp_path).keys() - {"SHA256SUMS"}
    assert sums == {name: sha256(tmp_path / name) for name in sums}


@pytest.mark.parametrize("kind", ["hf", "wavs"])
def test_exported_bytes_do_not_depend_on_workers_and_shards(source, rows, kind, few_rows, tmp_path):
    write(source, kind, tmp_path / "one")
    paths = {codec: shard_path(tmp_path / "run", codec, 0) for codec in PUBLISHED}
    for codec, path in paths.items():  # all are in one shard
        write_shard(path, sorted((row for row in rows.values() if row["codec_name"] == codec), key=by_id))
    protocols = [build_protocol([path], source.utterances, source.splits) for path in paths.values()]
    other = source._replace(resynthesised=tmp_path / "run", trials=pd.concat(protocols, ignore_index=True))
    write(other, kind, tmp_path / "another", workers=3)
    assert files(tmp_path / "one") == files(tmp_path / "another")


def by_id(row):
    return row["utterance_id"]


def test_no_local_path_is_published(source, tmp_path):
    write(source, "hf", tmp_path)
    for name in ("README.md", "config.json"):
        assert "someone" not in (tmp_path / name).read_text()


#: Exports a pickled source at a rate of one row per 20 ms.
SLOW = """
import json, pickle, sys, time
from pathlib import Path
from codecfake.export import export, published_format

def slowly(path, rows):
    def late():
        for row in rows:
            time.sleep(0.02)
            yield row
    published_format.write_parquet(path, late())

export.write_parquet, export.PART_SECONDS = slowly, 1.5
export.export(pickle.loads(Path(sys.argv[1]).read_bytes()), "hf", Path(sys.argv[2]), json.loads(sys.argv[3]))
"""


def test_killed_export_is_resumed(source, few_rows, tmp_path):
    (tmp_path / "source").write_bytes(pickle.dumps(source))
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", SLOW, tmp_path / "source", out, json.dumps(SETTINGS)])
    while not ((out / "SHA256SUMS").is_file() and list(out.rglob(".*.parquet.*.part"))):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    left = list(out.rglob(".*.part"))
    assert left  # it was killed while writing a file
    assert not (out / "README.md").exists()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert kept
    write(source, "hf", out)
    write(source, "hf", tmp_path / "undisturbed")
    assert files(out) == files(tmp_path / "undisturbed")
    recorded = [path for path, made in kept.items() if path.stat().st_mtime_ns == made]
    assert len(recorded) >= len(kept) - 1  # the last file may not have been listed yet


def test_only_missing_or_changed_files_are_exported_again(source, few_rows, tmp_path):
    write(source, "hf", tmp_path)
    before, made = files(tmp_path), {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    spoilt, gone, *_ = made
    spoilt.write_bytes(spoilt.read_bytes()[:-1])
    gone.unlink()
    write(source, "hf", tmp_path)
    assert files(tmp_path) == before
    assert {path for path in made if path.stat().st_mtime_ns != made[path]} == {spoilt, gone}


def test_changed_shard_is_exported_again(source, tmp_path):
    shutil.copytree(source.resynthesised, tmp_path / "run")
    source = source._replace(resynthesised=tmp_path / "run")
    write(source, "hf", tmp_path / "out")
    before = files(tmp_path / "out")
    path = shard_path(tmp_path / "run", MUFFLED, 0)
    rows = [row | {"audio": row["audio"] | {"bytes": b"other"}} for row in Shard(path)]
    write_shard(path, rows)
    os.utime(path, (time.time() + 1, time.time() + 1))
    write(source, "hf", tmp_path / "out")
    after = files(tmp_path / "out")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"data/{MUFFLED}/train-00000-of-00001.parquet", "README.md", "SHA256SUMS"}


@pytest.mark.parametrize("name", ["notes.txt", "README.md", "data/genuine/train-00000-of-00009.parquet"])
def test_folder_with_foreign_files_is_refused(source, name, tmp_path):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match=rf"{tmp_path}: holds '{name}', which is not part of this export"):
        write(source, "hf", tmp_path)
    assert files(tmp_path) == {name: b"mine"}


def test_a_finished_export_with_a_foreign_file_is_refused(source, tmp_path):
    write(source, "hf", tmp_path)
    (tmp_path / "data/notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds 'data/notes\.txt'"):
        write(source, "hf", tmp_path)


def test_folder_with_export_of_another_run_is_refused(source, tmp_path):
    write(source, "hf", tmp_path)
    before = files(tmp_path)
    with pytest.raises(DataError, match=r"config\.json: belongs to another export"):
        export.export(source, "hf", tmp_path, {**SETTINGS, "run": "another"})
    assert files(tmp_path) == before


def test_hidden_files_are_kept(source, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("mine")
    write(source, "hf", tmp_path)
    assert (tmp_path / ".git/config").read_text() == "mine"
    assert ".git" not in (tmp_path / "SHA256SUMS").read_text()


@pytest.mark.parametrize("kind", ["hf", "wavs"])
def test_damaged_shard_is_refused_and_leaves_no_partial_file(source, rows, kind, tmp_path):
    shutil.copytree(source.resynthesised, tmp_path / "run")
    path = shard_path(tmp_path / "run", MUFFLED, 1)
    content = bytearray(path.read_bytes())
    content[content.index(Shard(path)[0]["audio"]["bytes"]) + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path}: damaged"):
        write(source._replace(resynthesised=tmp_path / "run"), kind, tmp_path / "out")
    assert not [name for name in files(tmp_path / "out") if name.endswith(".part") or name == "README.md"]


def test_shard_that_contradicts_the_protocol_is_refused(source, tmp_path):
    trials = source.trials.assign(row=source.trials["row"].to_numpy()[::-1])
    with pytest.raises(DataError, match=r"parquet: row \d+ is '\w+'; by the protocol it is '\w+'"):
        write(source._replace(trials=trials), "hf", tmp_path)


@pytest.fixture
def finished(speech, tmp_path, monkeypatch):
    """The config of a finished run, in its working folder."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results/tiny"
    utterances, protocols = make_run(
        results / "clean/resynthesised", speech, SPEAKERS, codecs=(IDENTITY, "encodec_mini")
    )
    source = source_of(results / "clean", utterances, protocols)
    tables.write(utterances, Utterances, results / "corpus/utterances.tsv")
    tables.write(source.splits, Splits, results / "splits/split.tsv")
    for codec, trials in protocols.items():
        tables.write(trials, Protocol, results / f"clean/split/protocols/{codec}.tsv")
    run = {
        "run": "tiny",
        "seed": 1,
        "corpus": {"name": "folder", "path": "recordings", "splits": {"dev": ["dev0"], "eval": ["eval0", "eval1"]}},
        "shards": 3,
        "codecs": ["encodec_mini"],
        "detector": {"name": "lfcc_lcnn"},
        "cache": "cache",
        "device": "cpu",
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(run))
    (results / "report/split").mkdir(parents=True)
    (results / "report/split/config.json").write_text(json.dumps(config.resolve(run)))
    return tmp_path / "tiny.yaml"


def run_verb(*arguments):
    args = parser().parse_args(["export", *map(str, arguments)])
    args.run(args)


def test_export_verb_prints_how_to_publish(finished, capsys):
    run_verb(finished, "--to", "hf", "--out", "out")
    said = capsys.readouterr().out
    assert "out: 9 files" in said
    assert "hf upload OWNER/NAME out --repo-type dataset" in said
    exported = files(finished.parent / "out")
    assert json.loads(exported["config.json"])["corpus"]["splits"]["dev"] == ["dev0"]
    assert b"To be filled in" in exported["README.md"]


def test_export_has_the_config_of_the_run_and_not_the_edited_one(finished):
    run = yaml.safe_load(finished.read_text())
    finished.write_text(yaml.safe_dump({**run, "shards": 7, "recipe": "raw"}))
    run_verb(finished, "--to", "wavs", "--out", "out")
    told = json.loads(files(finished.parent / "out")["config.json"])
    assert (told["shards"], told["recipe"]) == (3, "clean")
    (finished.parent / "results/tiny/report/split/config.json").unlink()
    with pytest.raises(DataError, match=r"results/tiny/report/split/config\.json: missing; the run is not finished"):
        run_verb(finished, "--to", "wavs", "--out", "again")


def test_card_reports_the_audit_of_the_run(finished):
    cue = {"clips": 24, "speakers": 6, "container": "FLAC", "subtype": "PCM_16", "sample_rate": 16000}
    law = {"length_law": "as the input", "lawful": 24, "lawful_share": 1.0, "bonafide_lawful_share": 1.0}
    verdicts = {IDENTITY: "", "encodec_mini": "delay: +7.5 samples at 16 kHz"}
    found = [{"codec": name, **cue, "format_share": 1.0, **law, "verdict": told} for name, told in verdicts.items()]
    trials = {"codec": "encodec_mini", "bonafide_trials": 24, "spoof_trials": 24, "speakers": 6, "remark": ""}
    probe = [{**trials, "group": "all", "eer": 0.125, "eer_low": 0.1, "eer_high": 0.2}]
    for name, rows, model in (("audit", found, Audit), ("probe", probe, Probe)):
        table = pd.DataFrame(rows)[tables.columns(model)]
        tables.write(table, model, finished.parent / f"results/tiny/clean/audit/{name}.tsv")
    run_verb(finished, "--to", "hf", "--out", "out")
    text = files(finished.parent / "out")["README.md"].decode()
    assert "| codec | all |\n| --- | --- |\n| encodec_mini | 12.5 |" in text
    assert "- `encodec_mini`: delay: +7.5 samples at 16 kHz.\n\n## Limits" in text


def test_unfinished_run_is_refused_with_its_first_missing_shard(finished):
    for shard in ("001", "002"):
        (finished.parent / f"results/tiny/clean/resynthesised/encodec_mini/{shard}.parquet").unlink()
    with pytest.raises(DataError, match=r"encodec_mini/001\.parquet: missing; the run is not finished"):
        run_verb(finished, "--to", "wavs", "--out", "out")
    assert not (finished.parent / "out").exists()


def test_recipe_that_is_not_in_the_run_is_refused(finished):
    with pytest.raises(ConfigError, match="unknown recipe 'raw'; allowed: clean"):
        run_verb(finished, "--to", "hf", "--out", "out", "--recipe", "raw")
