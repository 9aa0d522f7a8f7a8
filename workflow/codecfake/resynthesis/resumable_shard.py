"""A shard written in parts, so that a killed job resumes after the last complete part."""

import contextlib
import json
import shutil
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from codecfake.data.shards import Shard, write_shard
from codecfake.util.errors import DataError
from codecfake.util.files import read_json, write_json
from codecfake.util.fingerprint import Fingerprint, differences


class ResumableShard:
    """The parts of a shard: small shards in a hidden folder next to it.

    Args:
        target: path of the shard.
        fingerprint: everything that the shard's bytes depend on; parts with another fingerprint are discarded, with a
            message.
    """

    def __init__(self, target: Path, fingerprint: Fingerprint):
        self.target = Path(target)
        self.folder = self.target.with_name(f".{self.target.name}.parts")
        self._lengths: list[int] = []
        self._count()
        if self.folder.is_dir() and (changed := differences(self._known(), fingerprint)):
            print(f"{self.target}: {len(self)} utterances are redone, since these changed: {changed}", file=sys.stderr)
            shutil.rmtree(self.folder)
            self._lengths.clear()
        write_json(self.folder / "fingerprint.json", fingerprint)

    def _known(self) -> Fingerprint:
        """Return the fingerprint of the existing parts; empty if it is missing or damaged."""
        with contextlib.suppress(OSError, json.JSONDecodeError):
            return read_json(self.folder / "fingerprint.json")
        return {}

    def _count(self) -> None:
        while (length := self._whole(len(self._lengths))) is not None:
            self._lengths.append(length)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.parquet"

    def _whole(self, number: int) -> int | None:
        """Return the number of rows of a part; None if it is missing or damaged, and must be written again."""
        try:
            return sum(1 for _ in Shard(self._path(number)))
        except DataError:
            return None

    def __len__(self) -> int:
        """Return the number of rows written so far."""
        return sum(self._lengths)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Write the next part."""
        write_shard(self._path(len(self._lengths)), rows)
        self._lengths.append(len(rows))

    def join(self) -> None:
        """Write the shard, with the same bytes as a shard written at once, and remove the parts."""
        write_shard(self.target, chain.from_iterable(Shard(self._path(number)) for number in range(len(self._lengths))))
        shutil.rmtree(self.folder, ignore_errors=True)
