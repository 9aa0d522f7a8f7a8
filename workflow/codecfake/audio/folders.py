"""The audio files below a folder: one definition for scores, traces, audits, evaluation sets and corpora.

Hidden files and folders are left out, and with them the `._` files of macOS. Symlinked folders are followed; every
folder is listed once.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from codecfake.audio.io import SUFFIXES
from codecfake.util.errors import DataError


class Listing(NamedTuple):
    """Sorted paths below a folder: audio files, all other files, and what cannot be used.

    `unusable` are folders that cannot be read, and files and folders whose name is not UTF-8.
    """

    audio: list[Path]
    others: list[Path]
    unusable: list[Path]


def listing(folder: Path, suffixes: Iterable[str] = SUFFIXES) -> Listing:
    """List a folder, which may be missing, and its subfolders.

    Args:
        suffixes: those of audio files, in lower case.
    """
    found, chosen = Listing([], [], []), set(suffixes)
    seen: set[tuple[int, int]] = set()

    def cannot_read(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            found.unusable.append(Path(error.filename))

    _is_new(Path(folder), seen)

    for place, folders, names in os.walk(folder, onerror=cannot_read, followlinks=True):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and _is_new(here / name, seen))
        for path in (here / name for name in names if not name.startswith(".")):
            kind = found.audio if path.suffix.lower() in chosen else found.others
            (kind if is_utf8(path) else found.unusable).append(path)
    for paths in found:
        paths.sort()
    return found


def is_utf8(path: Path) -> bool:
    """Return whether a path can be written into a table."""
    return not any("\ud800" <= character <= "\udfff" for character in str(path))


def require_usable(below: Listing) -> None:
    """Refuse a folder in which something cannot be used.

    Raises:
        DataError: names it.
    """
    if below.unusable:
        raise DataError(f"{str(below.unusable[0])!a}: cannot be read, or its name is not UTF-8")


def _is_new(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """Return whether a folder was not seen before, under any of its names; remember it."""
    try:
        status = folder.stat()
    except OSError:  # a broken link
        return False
    identity = status.st_dev, status.st_ino
    is_new = identity not in seen
    seen.add(identity)
    return is_new


def say_left_out(folder: Path, others: list[Path]) -> None:
    """Print on standard error how many files of a folder are not used as audio."""
    if others:
        print(f"{folder}: {len(others)} other files left out, the first is {others[0]}", file=sys.stderr)
