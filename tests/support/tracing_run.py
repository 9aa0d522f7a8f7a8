"""A tiny run with a second, easily traced codec, and a duplicate of the first."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from codecfake.data.shards import Shard, decode_row, shard_path, shard_row, write_shard
from codecfake.data.waveforms import shard_waveforms, write_waveforms
from codecfake.util.constants import IDENTITY, SPLITS
from tiny_run import ENTRY, MUFFLED, make_run

#: A codec of few bits, and `MUFFLED` under another name.
COARSE, TWIN = "coarse", "twin"
CLASSES = {MUFFLED: "dull", COARSE: "rough", IDENTITY: "original"}
#: Classes in the order of `Tracing`: bona fide first.
NAMES = ["original", "dull", "rough"]
TRACER = {**ENTRY, "epochs": 4, "classes": CLASSES}


def make_tracing_run(
    folder: Path, speech: Callable[..., np.ndarray], speakers: dict[str, int], per_speaker: int = 4
) -> dict[str, pd.DataFrame]:
    """Make a run with all four codecs; return the `Protocol` of each."""
    _, protocols = make_run(folder, speech, speakers, per_speaker, codecs=(IDENTITY, MUFFLED, COARSE, TWIN))
    paths = [shard_path(folder, COARSE, number) for number in range(len(SPLITS))]
    for number, path in enumerate(paths):
        write_shard(path, [_coarse(row) for row in Shard(shard_path(folder, IDENTITY, number))])
    write_waveforms(folder / f"waveforms/{COARSE}.arrow", shard_waveforms(paths, 1))
    return protocols


def _coarse(row: dict) -> dict:
    samples, sample_rate = decode_row(row)
    ids = {key: row[key] for key in ("speaker_id", "utterance_id")}
    return shard_row(coarsen(samples), sample_rate, label="spoof", codec_name=COARSE, **ids)


def coarsen(samples: np.ndarray) -> np.ndarray:
    """Round samples to multiples of 1/8."""
    return np.round(8 * samples) / 8
