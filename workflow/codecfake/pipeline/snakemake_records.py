"""Store Snakemake's records of how files were made next to the files, so that DVC shares them together.

Snakemake judges a file by its modification time and a record in `.snakemake`; DVC restores neither. Without the record,
a file made with other parameters counts as up to date; with its new time, a fetched file makes all files derived from
it outdated. Records and their names are in Snakemake's own format (snakemake/persistence/file.py), whose version is
pinned.
"""

import base64
import contextlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from pathlib import Path

from codecfake.util.errors import ConfigError
from codecfake.util.files import read_json, write_json

SNAKEMAKE = Path(".snakemake")
#: Version of Snakemake with this format, as in envs/requirements.txt.
VERSION = "9.27.1"
#: Tolerance in seconds of equal times: file systems and JSON round differently.
ROUNDING = 1e-3
#: Modification time (s since 1970) given to a file made from other inputs than the present ones: all are newer.
STALE = 1.0


def place(folder: str, stage: str) -> Path:
    """Return the path of a stage's records in the folder of a run or a subfolder."""
    return Path(folder, ".records", f"{stage}.json")


def keep(path: Path, names: list[str]) -> None:
    """Write the records of files, made here or adopted, to one file, with the MD5 of the files and of their inputs."""
    _check_version()
    # the stack's hash includes the path of the conda environment, which differs between machines
    records = {name: {**_recorded(name), "software_stack_hash": None} for name in sorted(names)}
    involved = {*names, *(made_of for record in records.values() for made_of in record["input"])}
    write_json(path, {"md5": _md5(sorted(involved)), "records": records})


def without(names: list[str]) -> list[str]:
    """Return existing, complete files without a valid record: not made by Snakemake, or changed since."""
    return [name for name in names if os.path.isfile(name) and not _incomplete(name) and _made(name) is None]


def adopt(results: str) -> None:
    """Import the records and times of the files of a run that DVC restored, as if the files were made here.

    Skips files whose content differs from their record, and files that Snakemake made here later or is making. Files
    made from inputs whose content differs from the present ones become outdated.
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
    """Return whether `adopt` would change any file."""
    return not all(_settled(name, record) for stage in _kept(results) for name, record in stage["records"].items())


def _kept(results: str) -> list[dict]:
    """Read all records that `keep` wrote for the stages of a run."""
    paths = [
        path for pattern in (".records/*.json", "*/.records/*.json") for path in sorted(Path(results).glob(pattern))
    ]
    return [read_json(path) for path in paths]


def _check_version() -> None:
    """Refuse a version of Snakemake whose private format is unknown.

    Raises:
        ConfigError: the installed version is not the pinned one.
    """
    found = importlib.metadata.version("snakemake")
    if found != VERSION:
        raise ConfigError(f"snakemake {found}: its records of files may have another format; allowed: {VERSION}")


def _place(name: str, kind: str) -> Path:
    """Return the path where Snakemake stores its metadata of a file."""
    text = base64.urlsafe_b64encode(name.encode()).decode()
    *folders, last = [text[start : start + 254] for start in range(0, len(text), 254)]
    return SNAKEMAKE.joinpath(kind, *(f"@{folder}" for folder in folders), last)


def _recorded(name: str) -> dict:
    """Read Snakemake's own record of a file; empty if it is missing or damaged."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return read_json(_place(name, "metadata"))
    return {}


def _incomplete(name: str) -> bool:
    return _place(name, "incomplete").exists()


def _same(one: float, other: float) -> bool:
    return abs(one - other) < ROUNDING


def _made(name: str) -> float | None:
    """Return when Snakemake made an existing file; None if it has no record, or if the file was changed since."""
    made, time = _recorded(name).get("endtime"), os.stat(name).st_mtime
    return made if made is not None and (_same(time, made) or _same(time, STALE)) else None


def _newer_here(name: str, record: dict) -> bool:
    """Return whether a file was made here later than its record states."""
    made = _made(name)
    return made is not None and made > record["endtime"] + ROUNDING


def _settled(name: str, record: dict) -> bool:
    """Return whether `adopt` need not change a file."""
    if not os.path.isfile(name) or _incomplete(name):
        return True
    made = _made(name)
    return made is not None and made > record["endtime"] - ROUNDING


def _dvc_state():
    """Return DVC's cache of file hashes, by path and time."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo
    from dvc_data.hashfile.state import StateNoop

    try:
        return Repo().state
    except NotDvcRepoError:
        return StateNoop()


def _md5(names: Iterable[str]) -> dict[str, str]:
    """Return the MD5 of files, read from or added to DVC's cache of hashes, so that no file is hashed twice."""
    from dvc.fs import localfs
    from dvc_data.hashfile.hash import hash_file

    state = _dvc_state()
    return {name: hash_file(os.path.abspath(name), localfs, "md5", state=state)[1].value for name in names}


def _set_times(times: dict[str, float]) -> None:
    """Set the modification times of files, also in DVC's cache of hashes, or DVC would hash them all again."""
    from dvc.fs import localfs

    state = _dvc_state()
    hashes = {path: state.get(path, localfs)[1] for path in map(os.path.abspath, times)}
    for name, time in times.items():
        os.utime(name, (time, time))
    state.save_many(((path, known, None) for path, known in hashes.items() if known), localfs)
