"""A shard made in pieces, so that a job that was killed goes on after the last whole one."""

import shutil
from collections.abc import Iterator
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
        self._pieces: list[Shard] = []
        while (piece := self._read(len(self._pieces))) is not None:
            self._pieces.append(piece)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.parquet"

    def _read(self, number: int) -> Shard | None:
        """A piece, None if it is not there or damaged: it is made again then."""
        try:
            return Shard(self._path(number))
        except DataError:
            return None

    def __len__(self) -> int:
        """Rows that are there."""
        return sum(map(len, self._pieces))

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write the next piece."""
        path = self._path(len(self._pieces))
        write_shard(path, rows)
        self._pieces.append(Shard(path))

    def join(self) -> None:
        """Write the shard, row after row as if it had been made at once, and remove the pieces."""
        write_shard(self.target, self._rows())
        shutil.rmtree(self.folder)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for piece in self._pieces:
            yield from piece
