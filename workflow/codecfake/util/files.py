"""Write files atomically, and read JSON."""

import glob
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` if the block succeeds, else remove it.

    A symlink stays and its target is replaced. A device or FIFO gets the content instead of being replaced.

    Temporary files of killed writers are removed first. If that writer is still alive on another machine, its
    rename fails: the last writer to start wins, and two writers never share a file.
    """
    if _is_stream(path):
        with TemporaryDirectory() as folder, naming(path):
            temporary = Path(folder) / Path(path).name
            yield temporary
            with open(temporary, "rb") as content, open(path, "wb") as stream:
                shutil.copyfileobj(content, stream)
        return
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        stale.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.part")
    try:
        with naming(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Return whether a path is a device or a FIFO, or leads to one, such as /dev/stdout."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder next to `folder`; it replaces `folder` if the block succeeds, and is removed otherwise.

    Temporary folders of killed writers are removed first. An existing `folder` is always complete; a writer killed
    between the two renames leaves none.
    """
    folder = Path(folder).resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{glob.escape(folder.name)}.*.part"):
        shutil.rmtree(stale)
    stem = folder.with_name(f".{folder.name}.{platform.node()}-{os.getpid()}")
    temporary, former = Path(f"{stem}.part"), Path(f"{stem}.old.part")
    try:
        temporary.mkdir()
        yield temporary
        if folder.exists():
            os.replace(folder, former)
        os.replace(temporary, folder)
    finally:
        if former.exists() and not folder.exists():
            os.replace(former, folder)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of `path` to an OSError that names no file, e.g. of a write to a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically. NaN raises ValueError: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
