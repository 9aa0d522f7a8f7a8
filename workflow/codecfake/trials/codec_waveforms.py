"""The waveforms in the shards of a codec or an evaluation set: a maker for `waveform_cache`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from codecfake.data.waveforms import shard_waveforms
from codecfake.trials import waveform_cache


def describe(path: Path, shards: list[Path], workers: int) -> None:
    """Write the description of the waveforms of shards, and create the waveforms."""
    waveform_cache.describe(path, sys.modules[__name__], {"shards": [str(shard) for shard in shards]}, shards, workers)


def make(shards: list[str], workers: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, float32 [N] at 16 kHz) of every row, in order."""
    return shard_waveforms([Path(shard) for shard in shards], workers)
