"""Snakemake's records of how files were made, kept beside the files so that they travel with them.

Snakemake judges a file by its time and by a record below `.snakemake`; DVC brings neither. Without the record a file
made from other parameters passes for a new one, and by its time a file just fetched outdates all that was made of it.
Records and their names are in Snakemake's own format (snakemake/persistence/file.py), pinned with it.
"""

import base64
import json
import os
from pathlib import Path

from codecfake.files import write_json

SNAKEMAKE = Path(".snakemake")
#: Two times are the same if they differ by less (s): file systems and JSON round differently.
ROUNDING = 1e-3


def place(results: str, stage: str) -> Path:
    """Where the records of a stage's files lie."""
    return Path(results, ".records", f"{stage}.json")


def keep(path: Path, names: list[str]) -> None:
    """Write the records of files, made here or adopted, to one file."""
    write_json(path, {name: json.loads(_of(name, "metadata").read_text(encoding="utf-8")) for name in sorted(names)})


def without(names: list[str]) -> list[str]:
    """The files that are there but have no record."""
    return [name for name in names if os.path.exists(name) and not _of(name, "metadata").is_file()]


def adopt(results: str) -> None:
    """Let the files of a run that came with records count as made here: give them their records and times.

    A file that Snakemake made here, or is making, keeps what it has.
    """
    brought = {}
    for path in sorted(Path(results).glob(".records/*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))
        brought |= {name: record for name, record in records.items() if os.path.isfile(name) and not _made_here(name)}
    for name, record in brought.items():
        write_json(_of(name, "metadata"), record)
    if brought:
        _set_times({os.path.abspath(name): record["endtime"] for name, record in brought.items()})


def _of(name: str, kind: str) -> Path:
    """Where Snakemake keeps what it knows of a file."""
    text = base64.urlsafe_b64encode(name.encode()).decode()
    *folders, last = [text[start : start + 254] for start in range(0, len(text), 254)]
    return SNAKEMAKE.joinpath(kind, *(f"@{folder}" for folder in folders), last)


def _made_here(name: str) -> bool:
    if _of(name, "incomplete").exists():
        return True
    record = _of(name, "metadata")
    if not record.is_file():
        return False
    made = json.loads(record.read_text(encoding="utf-8"))["endtime"]
    return abs(os.stat(name).st_mtime - made) < ROUNDING


def _set_times(times: dict[str, float]) -> None:
    """Set the times of files; DVC, which knows a file's hash by its time, is told, or it would hash them all again."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.fs import localfs
    from dvc.repo import Repo
    from dvc_data.hashfile.state import StateNoop

    try:
        state = Repo().state
    except NotDvcRepoError:
        state = StateNoop()
    hashes = {path: state.get(path, localfs)[1] for path in times}
    for path, time in times.items():
        os.utime(path, (time, time))
    state.save_many(((path, known, None) for path, known in hashes.items() if known), localfs)
