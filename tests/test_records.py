"""Snakemake's records that travel: kept, adopted, and what was made here left alone."""

import json
import os
import subprocess
import sys

import pytest
from dvc.fs import localfs
from dvc.repo import Repo
from snakemake.persistence.file import FilePersistence

from codecfake import records

LONG = "results/run/" + 40 * "a long name/" + "file"
NAMES = ["results/run/a.tsv", LONG]
MADE = 1.7e9 + 0.123456789


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two files that Snakemake made."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (MADE, MADE))
        record(name, MADE)
    return tmp_path


def record(name: str, endtime: float, kind: str = "metadata", **more) -> None:
    """Write what Snakemake would of a file, where its own code does."""
    persistence = FilePersistence(nolock=True, path=records.SNAKEMAKE)
    persistence._io_write(str(records.SNAKEMAKE / kind), {"rule": "r", "endtime": endtime, **more}, name)


def recorded(name: str) -> dict:
    """What Snakemake finds."""
    persistence = FilePersistence(nolock=True, path=records.SNAKEMAKE)
    return persistence._io_read(str(records.SNAKEMAKE / "metadata"), name)


def bring(here, endtime: float = MADE) -> None:
    """What a pull leaves: files as old as the pull, records made elsewhere in a file, none of Snakemake's own."""
    records.keep(records.place("results/run", "stage"), NAMES)
    for name in NAMES:
        (records._of(name, "metadata")).unlink()
        os.utime(here / name)


def test_files_that_were_brought_get_their_records_and_times(here):
    before = {name: recorded(name) for name in NAMES}
    bring(here)
    assert records.without(NAMES) == NAMES
    records.adopt("results/run")
    assert {name: recorded(name) for name in NAMES} == before
    assert [os.stat(name).st_mtime for name in NAMES] == pytest.approx([MADE, MADE], abs=1e-5)
    assert records.without(NAMES) == []


def test_what_was_made_here_since_keeps_its_record(here):
    bring(here)
    os.utime(NAMES[0], (MADE + 50, MADE + 50))
    record(NAMES[0], MADE + 50, made="here")
    records.adopt("results/run")
    assert recorded(NAMES[0])["made"] == "here"
    assert os.stat(NAMES[0]).st_mtime == pytest.approx(MADE + 50)


def test_what_is_being_made_is_left_alone(here):
    bring(here)
    record(NAMES[0], MADE, kind="incomplete")
    now = os.stat(NAMES[0]).st_mtime
    records.adopt("results/run")
    assert os.stat(NAMES[0]).st_mtime == now
    assert recorded(NAMES[0]) == {}


def test_another_version_of_a_file_gets_the_record_that_came_with_it(here):
    records.keep(records.place("results/run", "stage"), NAMES)
    record(NAMES[0], MADE + 50, made="here")
    os.utime(NAMES[0])
    records.adopt("results/run")
    assert "made" not in recorded(NAMES[0])


def test_files_that_did_not_come_are_no_matter(here):
    bring(here)
    os.remove(NAMES[0])
    records.adopt("results/run")
    assert recorded(NAMES[0]) == {}
    assert recorded(NAMES[1])["rule"] == "r"


def test_records_are_one_file_of_json(here):
    path = records.place("results/run", "resynthesise@dac")
    records.keep(path, NAMES)
    assert path.as_posix() == "results/run/.records/resynthesise@dac.json"
    assert list(json.loads(path.read_text())) == sorted(NAMES)


def test_dvc_still_knows_the_hash_of_a_file_whose_time_was_set(here, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(here / "site"))
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--quiet", "--no-scm"], check=True)
    bring(here)
    subprocess.run([*dvc, "add", "--quiet", NAMES[0]], check=True)
    path = str(here / NAMES[0])
    known = Repo().state.get(path, localfs)[1]
    records.adopt("results/run")
    assert os.stat(path).st_mtime == pytest.approx(MADE)
    assert known is not None
    assert Repo().state.get(path, localfs)[1] == known
