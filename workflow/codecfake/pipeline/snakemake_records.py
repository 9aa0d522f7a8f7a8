"""Snakemake's records of how files were made, kept beside the files so that they travel with them.

Snakemake judges a file by its time and by a record below `.snakemake`; DVC brings neither. Without the record a file
made from other parameters passes for a new one, and by its time a file just fetched outdates all that was made of it.
Records and their names are in Snakemake's own format (snakemake/persistence/file.py), pinned with it.
"""

import base64
import contextlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from pathlib import Path

from codecfake.util.errors import ConfigError
from codecfake.util.files import write_json

SNAKEMAKE = Path(".snakemake")
#: Of envs/requirements.txt: the one whose format this is.
VERSION = "9.27.1"
#: Two times are the same if they differ by less (s): file systems and JSON round differently.
ROUNDING = 1e-3
#: The time (s since 1970) of a file that was made of other inputs than are there: all of these are newer.
STALE = 1.0


def place(folder: str, stage: str) -> Path:
    """Where the records of a stage's files lie, below the folder of a run or one in it."""
    return Path(folder, ".records", f"{stage}.json")


def keep(path: Path, names: list[str]) -> None:
    """Write the records of files, made here or adopted, to one file, with the MD5 of these and of what made them."""
    _check_version()
    # the stack's hash has the path of a conda environment in it, another one wherever the files go
    records = {name: {**_recorded(name), "software_stack_hash": None} for name in sorted(names)}
    involved = {*names, *(made_of for record in records.values() for made_of in record["input"])}
    write_json(path, {"md5": _md5(sorted(involved)), "records": records})


def without(names: list[str]) -> list[str]:
    """The files that are there and whole, but not as a record of Snakemake's says: made or changed by someone else."""
    return [name for name in names if os.path.isfile(name) and not _incomplete(name) and _made(name) is None]


def adopt(results: str) -> None:
    """Let the files of a run that came with records count as made here: give them their records and times.

    Files with other bytes than their record says, and those that Snakemake made here since or is making, keep what they
    have. What was made of inputs with other bytes than those that are there counts as outdated.
    """
    if not pending(results):
        return
    _check_version()
    kept = _kept(results)
    present = _md5({path for stage in kept for path in stage["md5"] if os.path.isfile(path)})
    times = {}
    for stage in kept:
        differs = {path for path, md5 in stage["md5"].items() if present.get(path, md5) != md5}
        for name, record in stage["records"].items():
            if name in present and name not in differs and not _incomplete(name) and not _newer_here(name, record):
                write_json(_place(name, "metadata"), record)
                times[name] = STALE if differs.intersection(record["input"]) else record["endtime"]
    _set_times(times)


def pending(results: str) -> bool:
    """Whether there is something to adopt."""
    return not all(_settled(name, record) for stage in _kept(results) for name, record in stage["records"].items())


def _kept(results: str) -> list[dict]:
    """What `keep` wrote of a run's stages."""
    paths = [
        path for pattern in (".records/*.json", "*/.records/*.json") for path in sorted(Path(results).glob(pattern))
    ]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _check_version() -> None:
    """Refuse a Snakemake whose private format is not known.

    Raises:
        ConfigError: another version than the pinned one is installed.
    """
    found = importlib.metadata.version("snakemake")
    if found != VERSION:
        raise ConfigError(f"snakemake {found}: its records of files are read and written for DVC; allowed: {VERSION}")


def _place(name: str, kind: str) -> Path:
    """Where Snakemake keeps what it knows of a file."""
    text = base64.urlsafe_b64encode(name.encode()).decode()
    *folders, last = [text[start : start + 254] for start in range(0, len(text), 254)]
    return SNAKEMAKE.joinpath(kind, *(f"@{folder}" for folder in folders), last)


def _recorded(name: str) -> dict:
    """Snakemake's own record of a file; empty if there is none or it is damaged."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return json.loads(_place(name, "metadata").read_text(encoding="utf-8"))
    return {}


def _incomplete(name: str) -> bool:
    return _place(name, "incomplete").exists()


def _same(one: float, other: float) -> bool:
    return abs(one - other) < ROUNDING


def _made(name: str) -> float | None:
    """When Snakemake made the file that is there; None if it does not know, or if the file was changed since."""
    made, time = _recorded(name).get("endtime"), os.stat(name).st_mtime
    return made if made is not None and (_same(time, made) or _same(time, STALE)) else None


def _newer_here(name: str, record: dict) -> bool:
    """Whether a file was made here, later than the record says."""
    made = _made(name)
    return made is not None and made > record["endtime"] + ROUNDING


def _settled(name: str, record: dict) -> bool:
    """Whether there is nothing to adopt."""
    if not os.path.isfile(name) or _incomplete(name):
        return True
    made = _made(name)
    return made is not None and made > record["endtime"] - ROUNDING


def _dvc_state():
    """What DVC remembers of files: hashes, by path and time."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo
    from dvc_data.hashfile.state import StateNoop

    try:
        return Repo().state
    except NotDvcRepoError:
        return StateNoop()


def _md5(names: Iterable[str]) -> dict[str, str]:
    """MD5 of files, from DVC's memory where it knows them, and into it where it does not: nothing is hashed twice."""
    from dvc.fs import localfs
    from dvc_data.hashfile.hash import hash_file

    state = _dvc_state()
    return {name: hash_file(os.path.abspath(name), localfs, "md5", state=state)[1].value for name in names}


def _set_times(times: dict[str, float]) -> None:
    """Set the times of files and in DVC's memory too, or it would hash them all again."""
    from dvc.fs import localfs

    state = _dvc_state()
    hashes = {path: state.get(path, localfs)[1] for path in map(os.path.abspath, times)}
    for name, time in times.items():
        os.utime(name, (time, time))
    state.save_many(((path, known, None) for path, known in hashes.items() if known), localfs)
