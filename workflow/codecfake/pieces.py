"""A shard made in pieces, so that a job that was killed goes on after the last whole one."""

import contextlib
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from codecfake.errors import DataError
from codecfake.files import write_text
from codecfake.store import Shard, write_shard


class Pieces:
    """The pieces of a shard, small shards in a hidden folder beside it.

    Args:
        target: the shard.
        making: whatever its bytes depend on; pieces made from something else are thrown away.
    """

    def __init__(self, target: Path, making: str):
        self.target = Path(target)
        self.folder = self.target.with_name(f".{self.target.name}.pieces")
        described = self.folder / "making"
        if self.folder.is_dir() and (not described.is_file() or described.read_text(encoding="utf-8") != making):
            shutil.rmtree(self.folder)
        write_text(described, making)
        self._lengths: list[int] = []
        while (length := self._whole(len(self._lengths))) is not None:
            self._lengths.append(length)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.parquet"

    def _whole(self, number: int) -> int | None:
        """Rows of a piece; None if it is not there or damaged, and so is made again."""
        try:
            return sum(1 for _ in self._read(number))
        except DataError:
            return None

    def _read(self, number: int) -> Iterator[dict[str, Any]]:
        with contextlib.closing(Shard(self._path(number))) as piece:
            yield from piece

    def __len__(self) -> int:
        """Rows that are there."""
        return sum(self._lengths)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write the next piece."""
        write_shard(self._path(len(self._lengths)), rows)
        self._lengths.append(len(rows))

    def join(self) -> None:
        """Write the shard, row after row as if it had been made at once, and remove the pieces."""
        write_shard(self.target, chain.from_iterable(map(self._read, range(len(self._lengths)))))
        shutil.rmtree(self.folder, ignore_errors=True)
