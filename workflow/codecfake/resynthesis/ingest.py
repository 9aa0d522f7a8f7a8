"""Creation of a codec's shard from a released set, instead of resynthesis; all later stages are the same."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.corpora.released import Clip, ReleasedSet
from codecfake.data.shards import Shard, decode_row, shard_row, write_shard
from codecfake.resynthesis.treatment import Treatment
from codecfake.util.constants import IDENTITY, SAMPLE_RATE
from codecfake.util.errors import DataError


def ingest_shard(
    source: Path,
    target: Path,
    released: ReleasedSet,
    codec_name: str,
    label: str,
    matching: Treatment | None = None,
) -> None:
    """Write a codec's clips of a source shard's utterances, in the same order.

    Clips are stored as released, each at its own sample rate; bona fide speech (codec `identity`) is taken from the
    source shard, at 16 kHz.

    Args:
        matching: treatment that equalises both classes, if any.

    Raises:
        DataError: the set lacks the codec or some of the utterances.
        AudioError: a clip is damaged or cannot be decoded.
    """
    shard = Shard(source)
    clips = [] if codec_name == IDENTITY else _clips(shard, released, codec_name)
    order = sorted(range(len(shard)), key=lambda index: clips[index].position if clips else index)

    def row(index: int) -> dict[str, Any]:
        of = shard[index]
        stored = audio.decode(clips[index].read(), clips[index].name) if clips else _bonafide(of, matching)
        if matching:
            stored = matching.treat(*stored, of)
        known = {key: of[key] for key in ("speaker_id", "utterance_id")}
        return shard_row(*stored, label=label, codec_name=codec_name, **known)

    rows = tqdm(map(row, order), total=len(shard), unit="utt", desc=codec_name, mininterval=5)
    _write(target, rows, order)


def _clips(shard: Shard, released: ReleasedSet, codec: str) -> list[Clip]:
    """Return a codec's clips of the utterances of a shard."""
    there = {clip.utterance_id: clip for clip in released.clips(codec)}
    wanted = [row["utterance_id"] for row in shard.describe()]
    if missing := [utterance for utterance in wanted if utterance not in there]:
        raise DataError(
            f"{released.path}: codec {codec!r} has no utterance {missing[0]!r}; "
            f"of the {len(wanted)} of {shard.path} it lacks {len(missing)}"
        )
    return [there[utterance] for utterance in wanted]


def _bonafide(row: dict[str, Any], matching: Treatment | None) -> tuple[np.ndarray, int]:
    """Return a source row's samples at 16 kHz, as for the identity codec."""
    width = audio.SHARP_WIDTH if matching else audio.DEFAULT_WIDTH
    return audio.resample(*decode_row(row), SAMPLE_RATE, width), SAMPLE_RATE


def _write(target: Path, rows: Iterable[dict[str, Any]], order: Sequence[int]) -> None:
    """Write a shard from rows that arrive in another order; they are buffered in a file, not in memory.

    Args:
        order: each row's position in the shard.
    """
    if list(order) == sorted(order):
        write_shard(target, rows)
        return
    waiting = target.with_name(f".{target.name}.waiting")
    write_shard(waiting, rows)
    shard = Shard(waiting)
    write_shard(target, (shard[index] for index in np.argsort(order).tolist()))
    waiting.unlink()
