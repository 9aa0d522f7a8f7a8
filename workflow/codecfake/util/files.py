"""Write a file whole or not at all; hash it."""

import glob
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` if the block ends well, else remove it.

    What a killed writer left is removed first. If that one is alive after all, lost from sight on another
    machine, its renaming fails: the last to begin wins, and no two write into one file.
    """
    path = Path(path)
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


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder beside `folder`, which takes its place if the block ends well and else is removed.

    What a killed writer left is removed first. A folder that is there is whole; killed between the two renamings, there
    is none.
    """
    folder = Path(folder)
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
    """Give an OSError that names no file, as a write to a full disk raises it, the name of `path`."""
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


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
