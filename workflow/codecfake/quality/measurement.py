"""Measure the quality of each utterance of a codec against its bona fide recording."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake.audio import alignment, distances, intelligibility
from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.data.shards import Shard, decode_row
from codecfake.quality import dnsmos, similarity
from codecfake.quality.summary import MEASURES, Quality
from codecfake.runtime.threads import spread
from codecfake.util.constants import IDENTITY, SAMPLE_RATE
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number

#: Maximum delay or advance of a codec in samples at 16 kHz (50 ms). It is removed: measures rate sound, not delay.
MOST_LAG = 800


def measure(
    codec: str, bonafide: list[Path], shards: list[Path], trials: pd.DataFrame, most: int, workers: int
) -> pd.DataFrame:
    """Measure eval utterances of a codec, as `Quality`, sorted by id.

    Args:
        bonafide, shards: shard files of bona fide speech and of the codec.
        trials: the codec's trials, as `Protocol`.
        most: maximum number of utterances, chosen by a hash of the id: the same for every codec.
        workers: number of utterances measured at a time.

    Raises:
        DataError: there is no eval utterance, or one is in none of the shards.
    """
    chosen = trials[trials["split"] == "eval"]["utterance_id"]
    if chosen.empty:
        raise DataError(f"{codec}: no eval utterance in its protocol, so there is nothing to measure")
    chosen = set(sorted(chosen, key=stable_number)[:most])
    dnsmos.model(), similarity.encoder(), intelligibility.has_pesq()  # load once, not in every thread
    rows = spread(_measured, _pairs(chosen, bonafide, shards), workers)
    table = pd.DataFrame(tqdm(rows, total=len(chosen), desc=codec, unit="utt", mininterval=5))
    return tables.check(table.sort_values("utterance_id").round(tables.DIGITS), Quality, codec)


def _pairs(chosen: set[str], bonafide: list[Path], shards: list[Path]) -> Iterator[tuple[dict, dict]]:
    """Yield the rows of each utterance in the shards of bona fide speech and of a codec, which have the same members.

    Raises:
        DataError: an utterance is in none of the shards.
    """
    missing = set(chosen)
    for paths in zip(bonafide, shards, strict=True):
        both = [Shard(path) for path in paths]
        places = [{item["utterance_id"]: row for row, item in enumerate(shard.describe())} for shard in both]
        for utterance in sorted(chosen & places[0].keys() & places[1].keys()):
            missing.discard(utterance)
            yield tuple(shard[place[utterance]] for shard, place in zip(both, places, strict=True))
    if missing:
        raise DataError(f"{shards[0].parent}: utterance {min(missing)!r} is in none of its {len(shards)} shards")


def _measured(pair: tuple[dict, dict]) -> dict:
    """Return a row of `Quality` from an utterance's shard rows of bona fide speech and of a codec."""
    reference, degraded = (audio.resample(*decode_row(row), SAMPLE_RATE) for row in pair)
    _, row = pair
    scores = {f"dnsmos_{scale}": value for scale, value in dnsmos.rate(degraded)._asdict().items()}
    if row["codec_name"] != IDENTITY:
        scores |= _against(reference, degraded)
    named = {"codec": row["codec_name"], "utterance_id": row["utterance_id"], "speaker_id": row["speaker_id"]}
    return named | {name: scores.get(name, math.nan) for name in MEASURES}


def _against(reference: np.ndarray, degraded: np.ndarray) -> dict[str, float]:
    """Measure an utterance (`degraded`, float32 [N]) against its bona fide recording (`reference`, float32 [M])."""
    late = alignment.lag(reference, degraded, MOST_LAG)
    reference, degraded = alignment.aligned(reference, degraded, 0 if math.isnan(late) else round(late))
    return {
        "pesq_wb": intelligibility.pesq_wb(reference, degraded, SAMPLE_RATE),
        "stoi": intelligibility.stoi(reference, degraded, SAMPLE_RATE),
        "mel_distance": distances.mel_distance(reference, degraded),
        "speaker_similarity": similarity.speaker_similarity(reference, degraded),
    }
