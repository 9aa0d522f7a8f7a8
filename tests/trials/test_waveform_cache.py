"""Waveforms for detectors: permanent descriptions, and waveforms that are remade from unchanged inputs or refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from codecfake.data import tables
from codecfake.data.waveforms import Waveforms
from codecfake.pipeline import config
from codecfake.trials import codec_waveforms, condition_waveforms, waveform_cache
from codecfake.trials.protocol import Protocol, trial_names
from codecfake.trials.waveform_cache import waveforms
from codecfake.util.errors import DataError
from tiny_run import MUFFLED, make_run


@pytest.fixture
def run(tmp_path, speech):
    """Write a run with its descriptions to `tmp_path`; return the protocols by codec."""
    _, protocols = make_run(tmp_path, speech, {"train": 1, "dev": 1, "eval": 2}, 2)
    for codec, protocol in protocols.items():
        shards = sorted((tmp_path / codec).glob("*.parquet"))
        codec_waveforms.describe(tmp_path / f"waveforms/{codec}.json", shards, 1)
        tables.write(protocol, Protocol, tmp_path / f"protocols/{codec}.tsv")
    return protocols


@pytest.fixture
def condition(run, tmp_path):
    path = tmp_path / "waveforms/noise_10db.json"
    files = [sorted(tmp_path.glob(pattern)) for pattern in ("protocols/*.tsv", "waveforms/*.json")]
    condition_waveforms.describe(path, "noise_10db", config.conditions()["noise_10db"], *files, 1)
    return path


def test_description_refers_to_the_waveforms_of_its_shards(run, tmp_path):
    (path,) = waveforms([tmp_path / f"waveforms/{MUFFLED}.json"])
    assert path == tmp_path / f".waveforms/{MUFFLED}.arrow"
    assert len(Waveforms([path], trial_names(run[MUFFLED]).tolist())) == 8


def test_existing_waveforms_are_not_remade(condition, tmp_path, monkeypatch):
    monkeypatch.setattr(waveform_cache, "write_waveforms", None)
    assert len(waveforms(sorted((tmp_path / "waveforms").glob("*.json")))) == 3


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:99])])
def test_missing_or_damaged_waveforms_are_remade_identically(condition, tmp_path, damage):
    caches = sorted((tmp_path / ".waveforms").glob("*.arrow"))
    before = [path.read_bytes() for path in caches]
    for path in caches:
        damage(path)
    waveforms([condition])
    assert [path.read_bytes() for path in caches] == before


def test_concurrent_jobs_make_a_cache_once(run, tmp_path, monkeypatch):
    made, write = [], waveform_cache.write_waveforms
    monkeypatch.setattr(waveform_cache, "write_waveforms", lambda *args: made.append(args) or write(*args))
    path = tmp_path / f"waveforms/{MUFFLED}.json"
    waveforms([path])[0].unlink()
    with ThreadPoolExecutor(4) as jobs:
        assert len(set(jobs.map(lambda _: waveforms([path])[0], range(4)))) == 1
    assert len(made) == 1


def test_cache_of_other_shards_is_not_used(run, tmp_path, speech):
    path = tmp_path / f"waveforms/{MUFFLED}.json"
    described = path.read_text()
    shards = sorted((tmp_path / MUFFLED).glob("*.parquet"))
    codec_waveforms.describe(path, shards[:2], 1)
    path.write_text(described)
    assert len(Waveforms(waveforms([path]), trial_names(run[MUFFLED]).tolist())) == 8


def test_changed_shards_are_refused(run, tmp_path):
    path = tmp_path / f"waveforms/{MUFFLED}.json"
    waveforms([path])[0].unlink()
    (tmp_path / MUFFLED / "001.parquet").write_bytes((tmp_path / MUFFLED / "000.parquet").read_bytes())
    with pytest.raises(DataError, match=r"muffled\.json: its input files or its code have changed since; delete it"):
        waveforms([path])
    (tmp_path / MUFFLED / "001.parquet").unlink()
    with pytest.raises(DataError, match=r"001\.parquet: cannot be read \(No such file"):
        waveforms([path])


def test_description_depends_only_on_its_inputs(run, condition, tmp_path):
    one = json.loads((tmp_path / f"waveforms/{MUFFLED}.json").read_text())
    codec_waveforms.describe(tmp_path / f"waveforms/{MUFFLED}.json", sorted((tmp_path / MUFFLED).glob("*.parquet")), 3)
    assert json.loads((tmp_path / f"waveforms/{MUFFLED}.json").read_text()) == one
    before = json.loads(condition.read_text())["digest"]
    files = [sorted(tmp_path.glob(pattern)) for pattern in ("protocols/*.tsv", "waveforms/[im]*.json")]
    condition_waveforms.describe(condition, "noise_10db", config.conditions()["noise_20db"], *files, 1)
    assert json.loads(condition.read_text())["digest"] != before
