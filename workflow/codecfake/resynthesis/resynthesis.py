"""Resynthesis of utterances with a codec: from a bona fide shard to the codec's shard, or from file to file.

Reading with resampling, the codec, and FLAC encoding run concurrently, each on `AT_ONCE` utterances, so that memory use
does not grow with the shard.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.codecs import Codec
from codecfake.data.shards import Shard, decode_row, shard_row
from codecfake.resynthesis import recipes
from codecfake.resynthesis.resumable_shard import ResumableShard
from codecfake.resynthesis.treatment import Treatment
from codecfake.runtime.device import BatchSplitter
from codecfake.util.fingerprint import Fingerprint
from codecfake.util.hashing import digest, sha256

#: Utterances read, sorted by length, resynthesised and written together.
AT_ONCE = 64
#: Maximum decoding batch in seconds of audio including padding, by device type. Other devices decode utterances one by
#: one: on a CPU a batch outgrows the caches (EnCodec: half the speed).
BATCH_SECONDS = {"cuda": 64.0}

Item, Result = TypeVar("Item"), TypeVar("Result")


class Utterances(NamedTuple):
    """Rows of a source shard, with their samples (float32 [N]) at the codec's rate before or after the codec."""

    rows: list[dict[str, Any]]
    samples: list[np.ndarray]


def through_codec(
    utterances: list[np.ndarray], names: list[str], codec: Codec, recipe: str, splitter: BatchSplitter | None = None
) -> list[np.ndarray]:
    """Resynthesise utterances with a codec.

    Args:
        utterances: float32 [N] each, at the codec's rate.
        names: names of the utterances in errors.
        recipe: treatment of level, length and delay; see `recipes`.
        splitter: keeps, between calls, the number of frames that fit into the device's memory.

    Returns:
        float32 at the codec's rate, in the given order; with recipe `clean` as long as the input.

    Raises:
        AudioError: an input is shorter than one frame of the codec, or an output is not finite.
    """
    for samples, name in zip(utterances, names, strict=True):
        audio.check(samples, name, minimum=codec.hop)
    prepared = [recipes.prepare(samples, codec, recipe) for samples in utterances]
    decoded = _resynthesise([item.waveform for item in prepared], codec, recipe, splitter or BatchSplitter())
    for samples, name in zip(decoded, names, strict=True):
        audio.check(samples, f"{name} after the codec")
    return [recipes.finish(samples, item, codec, recipe) for samples, item in zip(decoded, prepared, strict=True)]


@torch.inference_mode()
def _resynthesise(waveforms: list[np.ndarray], codec: Codec, recipe: str, splitter: BatchSplitter) -> list[np.ndarray]:
    """Encode utterances one by one, since rounding in a batch may change codes; decode them in batches."""
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        inputs = [torch.from_numpy(waveform)[None].to(codec.device) for waveform in waveforms]
        if codec.windowed and recipe == "published":
            return [codec.published(waveform)[0].cpu().numpy() for waveform in inputs]
        encoded = [codec.encode(waveform)[0] for waveform in inputs]
        frames = [len(item) for item in encoded]
        allowed = int(BATCH_SECONDS.get(codec.device.type, 0) * codec.sample_rate / codec.hop)

        def decode(most: int) -> dict[int, np.ndarray]:
            decoded = {}
            for batch in batches(frames, codec.causal, most):
                together = codec.decode(pad_sequence([encoded[index] for index in batch], batch_first=True))
                decoded |= zip(batch, together.cpu().numpy(), strict=True)
            return decoded

        longest = max(frames)
        decoded = splitter.run(min(allowed, len(frames) * longest), decode, longest) if allowed else decode(0)
    return [decoded[index][: codec.output_length(len(waveform))] for index, waveform in enumerate(waveforms)]


def batches(frames: list[int], causal: bool, most: int) -> Iterator[list[int]]:
    """Yield the indices of utterances to decode together: equally long unless the codec is causal.

    Args:
        frames: number of frames of each utterance.
        most: maximum number of frames of a batch, including padding; a longer utterance is decoded alone.
    """
    order = sorted(range(len(frames)), key=lambda index: (frames[index], index))
    for _, alike in groupby(order, key=lambda index: causal or frames[index]):
        batch: list[int] = []
        for index in alike:
            if batch and (len(batch) + 1) * frames[index] > most:
                yield batch
                batch = []
            batch.append(index)
        yield batch


def resynthesise_shard(
    source: Path,
    target: Path,
    codec: Codec,
    codec_name: str,
    label: str,
    recipe: str,
    fingerprint: Fingerprint,
    matching: Treatment | None = None,
) -> None:
    """Resynthesise a source shard with a codec, and write the codec's shard in the same order.

    An interrupted job resumes after the last `AT_ONCE` utterances that it has written.

    Args:
        matching: treatment that equalises both classes afterwards, if any.
        fingerprint: everything that the codec's output depends on, except the source and the other arguments.

    Raises:
        AudioError: see `through_codec`.
    """
    shard = Shard(source)
    settings = digest(codec_name, label, recipe, repr(matching))
    parts = ResumableShard(target, {**fingerprint, "settings": settings, "source": sha256(source)})
    width = audio.SHARP_WIDTH if matching else audio.DEFAULT_WIDTH

    def write(some: Utterances) -> int:
        parts.add(_rows(some, codec.sample_rate, codec_name, label, matching))
        return len(some.rows)

    with tqdm(unit="utt", desc=codec_name, initial=len(parts), total=len(shard), mininterval=5) as bar:
        for number in ahead(write, _resynthesised(shard, codec, recipe, width, start=len(parts))):
            bar.update(number)
    parts.join()


def _resynthesised(source: Shard, codec: Codec, recipe: str, width: int, start: int) -> Iterator[Utterances]:
    """Yield the resynthesised utterances of a source shard from row `start` on, `AT_ONCE` at a time.

    Args:
        width: filter width of the resampler.
    """

    def read(indices: range) -> Utterances:
        rows = [source[index] for index in indices]
        return Utterances(rows, [audio.resample(*decode_row(row), codec.sample_rate, width) for row in rows])

    begins = range(start, len(source), AT_ONCE)
    indices = (range(begin, min(begin + AT_ONCE, len(source))) for begin in begins)
    splitter = BatchSplitter()
    for some in ahead(read, indices):
        names = [row["utterance_id"] for row in some.rows]
        yield Utterances(some.rows, through_codec(some.samples, names, codec, recipe, splitter))


def _rows(
    some: Utterances, sample_rate: int, codec_name: str, label: str, matching: Treatment | None
) -> list[dict[str, Any]]:
    rows = []
    for row, samples in zip(*some, strict=True):
        stored = matching.treat(samples, sample_rate, row) if matching else (samples, sample_rate)
        known = {key: row[key] for key in ("speaker_id", "utterance_id")}
        rows.append(shard_row(*stored, label=label, codec_name=codec_name, **known))
    return rows


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield `function` of every item in order; a thread computes the next result while the caller uses the current."""
    with ThreadPoolExecutor(1) as thread:
        waiting = None
        for item in items:
            begun = thread.submit(function, item)
            if waiting is not None:
                yield waiting.result()
            waiting = begun
        if waiting is not None:
            yield waiting.result()


def resynthesise_file(source: Path, target: Path, codec: Codec, recipe: str) -> None:
    """Resynthesise an audio file of any rate and number of channels; write 16-bit WAV or FLAC at the codec's rate."""
    samples = audio.resample(*audio.read(source), codec.sample_rate)
    audio.write(target, through_codec([samples], [str(source)], codec, recipe)[0], codec.sample_rate)
