"""Snakemake records for transferred results: saving, adoption, files made locally, outdated files."""

import json
import os
import subprocess
import sys

import pytest
from dvc.fs import localfs
from dvc.repo import Repo
from snakemake.persistence.file import FilePersistence

from codecfake.pipeline import snakemake_records
from codecfake.util.errors import ConfigError
from codecfake.util.files import REPOSITORY

LONG = "results/run/" + 40 * "a long name/" + "file"
CODE = "code.py"
NAMES = ["results/run/a.tsv", LONG]
MADE = 1.7e9 + 0.123456789


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two files made by Snakemake from a code file, and their saved records."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / CODE).write_text("first")
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        made_at(name, MADE)
    snakemake_records.keep(snakemake_records.place("results/run", "stage"), NAMES)
    return tmp_path


def snakemake() -> FilePersistence:
    return FilePersistence(nolock=True, path=snakemake_records.SNAKEMAKE)


def made_at(name: str, time: float, **more) -> None:
    """Set the time and the record of a file as if Snakemake had made it."""
    os.utime(name, (time, time))
    record = {"rule": "r", "endtime": time, "input": [CODE], "software_stack_hash": None, **more}
    snakemake()._io_write(str(snakemake_records.SNAKEMAKE / "metadata"), record, name)


def recorded(name: str) -> dict:
    """Return Snakemake's record of a file."""
    return snakemake()._io_read(str(snakemake_records.SNAKEMAKE / "metadata"), name)


def pulled() -> None:
    """Simulate a pull: new modification times, no Snakemake records."""
    for name in NAMES:
        snakemake()._io_delete(str(snakemake_records.SNAKEMAKE / "metadata"), name)
        os.utime(name)


def time_of(name: str) -> float:
    return os.stat(name).st_mtime


def test_transferred_files_get_their_records_and_times(here):
    before = {name: recorded(name) for name in NAMES}
    pulled()
    assert snakemake_records.without(NAMES) == NAMES
    snakemake_records.adopt("results/run")
    assert {name: recorded(name) for name in NAMES} == before
    assert [time_of(name) for name in NAMES] == pytest.approx([MADE, MADE], abs=1e-5)
    assert snakemake_records.without(NAMES) == []


def test_file_made_locally_since_keeps_its_record(here):
    pulled()
    made_at(NAMES[0], MADE + 50, made="here")
    snakemake_records.adopt("results/run")
    assert recorded(NAMES[0])["made"] == "here"
    assert time_of(NAMES[0]) == pytest.approx(MADE + 50)


def test_file_in_progress_is_not_adopted(here):
    pulled()
    snakemake()._io_write(str(snakemake_records.SNAKEMAKE / "incomplete"), {"external_jobid": None}, NAMES[0])
    now = time_of(NAMES[0])
    assert snakemake_records.without(NAMES) == NAMES[1:]
    snakemake_records.adopt("results/run")
    assert time_of(NAMES[0]) == now
    assert recorded(NAMES[0]) == {}


def test_file_with_other_content_is_not_adopted(here):
    pulled()
    (here / NAMES[0]).write_text("of another run")
    now = time_of(NAMES[0])
    snakemake_records.adopt("results/run")
    assert (recorded(NAMES[0]), time_of(NAMES[0])) == ({}, now)
    assert recorded(NAMES[1])["rule"] == "r"


def test_newest_record_of_equal_content_is_adopted(here):
    for name in NAMES:
        made_at(name, MADE + 50, made="later")
    snakemake_records.keep(snakemake_records.place("results/run", "stage"), NAMES)
    for name in NAMES:
        made_at(name, MADE, made="earlier")
    snakemake_records.adopt("results/run")
    assert [recorded(name)["made"] for name in NAMES] == ["later", "later"]
    assert time_of(NAMES[0]) == pytest.approx(MADE + 50)


def test_file_made_from_other_inputs_becomes_outdated(here):
    (here / CODE).write_text("other")
    os.utime(CODE, (MADE - 50, MADE - 50))
    pulled()
    snakemake_records.adopt("results/run")
    assert [time_of(name) for name in NAMES] == [snakemake_records.STALE, snakemake_records.STALE]
    assert recorded(NAMES[0])["rule"] == "r"
    # with the original input, the files are up to date again
    (here / CODE).write_text("first")
    pulled()
    snakemake_records.adopt("results/run")
    assert time_of(NAMES[0]) == pytest.approx(MADE)


def test_missing_files_are_ignored(here):
    pulled()
    os.remove(NAMES[0])
    snakemake_records.adopt("results/run")
    assert recorded(NAMES[0]) == {}
    assert recorded(NAMES[1])["rule"] == "r"


def test_damaged_record_counts_as_missing(here):
    snakemake_records._place(NAMES[0], "metadata").write_text('{"rule": "r", "endti')
    assert snakemake_records.without(NAMES) == NAMES[:1]
    snakemake_records.adopt("results/run")
    assert recorded(NAMES[0])["endtime"] == MADE


def test_records_are_stored_in_one_json_file(here):
    path = snakemake_records.place("results/run", "resynthesise@dac")
    made_at(NAMES[0], MADE, software_stack_hash="with a path of this machine")
    snakemake_records.keep(path, NAMES)
    assert path.as_posix() == "results/run/.records/resynthesise@dac.json"
    kept = json.loads(path.read_text())
    assert list(kept["records"]) == sorted(NAMES)
    assert set(kept["md5"]) == {*NAMES, CODE}
    assert kept["records"][NAMES[0]]["software_stack_hash"] is None


def test_dvc_keeps_the_hash_of_a_file_whose_time_was_set(here, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(here / "site"))
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--quiet", "--no-scm"], check=True)
    pulled()
    subprocess.run([*dvc, "add", "--quiet", NAMES[0]], check=True)
    path = str(here / NAMES[0])
    known = Repo().state.get(path, localfs)[1]
    snakemake_records.adopt("results/run")
    assert time_of(path) == pytest.approx(MADE)
    assert known is not None
    assert Repo().state.get(path, localfs)[1] == known


def test_snakemake_version_equals_the_lock():
    assert f"snakemake=={snakemake_records.VERSION}\n" in (REPOSITORY / "envs/requirements.txt").read_text()


def test_other_snakemake_version_is_refused_if_records_are_used(here, monkeypatch):
    monkeypatch.setattr(snakemake_records, "VERSION", "0.1")
    with pytest.raises(ConfigError, match=r"snakemake 9\.\S+: its records of files .*; allowed: 0\.1"):
        snakemake_records.keep(snakemake_records.place("results/run", "stage"), NAMES)
    snakemake_records.adopt("results/run")  # Snakemake has records of all files
    pulled()
    with pytest.raises(ConfigError, match=r"allowed: 0\.1"):
        snakemake_records.adopt("results/run")


def test_pending_reports_files_to_adopt(here):
    assert not snakemake_records.pending("results/run")
    pulled()
    assert snakemake_records.pending("results/run")
    snakemake_records.adopt("results/run")
    assert not snakemake_records.pending("results/run")
