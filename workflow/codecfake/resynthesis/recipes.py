"""Recipes: the processing before and after the model, which determines level, length and delay.

`published` repeats the processing of CodecFake's authors (resyn_vctk.py and the codecs' own tools), with its effects on
level, length and delay. `clean` keeps the input's level, length and delay: each step before the model is undone after
it, and the delay is removed. If the delay is measured, an inverted polarity is corrected too. The end of the input is
padded with zeros, so that the model cuts nothing. `raw` is the model alone. `matched` is `clean`, followed by
`matching` on both classes.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pyloudnorm
from numpy.lib.stride_tricks import sliding_window_view

from codecfake.audio.io import match_length
from codecfake.codecs import Codec

#: Block length and minimum signal length of the loudness (s); absolute gate (LUFS) and relative gate (LU).
BLOCK_SECONDS, LEAST_SECONDS = 0.4, 0.5
LEAST_LOUDNESS, RELATIVE_GATE = -70.0, 10.0


class Prepared(NamedTuple):
    """An utterance before and after preparation for the model, and the gain and loudness that `finish` needs."""

    samples: np.ndarray
    waveform: np.ndarray
    gain: float
    loudness: float | None


def prepare(samples: np.ndarray, codec: Codec, recipe: str) -> Prepared:
    """Prepare an utterance (float32 [N] at the codec's rate) for the model."""
    if recipe == "raw":
        return Prepared(samples, samples, 1.0, None)
    level = codec.entry.get("level", {})
    measured = loudness(samples, codec.sample_rate) if "loudness" in level else None
    gain = _gain(samples, level, measured)
    waveform = samples * np.float32(gain)
    if recipe == "clean":
        waveform = match_length(waveform, _complete_length(codec, len(samples)))
    return Prepared(samples, waveform, gain, measured)


def finish(decoded: np.ndarray, prepared: Prepared, codec: Codec, recipe: str) -> np.ndarray:
    """Turn the model's output (float32 [N']) into the recipe's output."""
    if recipe == "published":
        if prepared.loudness is not None:
            decoded = decoded * _decibels(prepared.loudness - loudness(decoded, codec.sample_rate))
        return match_length(decoded, len(prepared.samples)) if codec.entry.get("length") == "input" else decoded
    if recipe == "clean":
        delay, polarity = _delay(decoded, prepared.samples, codec.delays(len(prepared.waveform)))
        return decoded[delay : delay + len(prepared.samples)] / np.float32(polarity * prepared.gain)
    return decoded


def _delay(decoded: np.ndarray, samples: np.ndarray, allowed: range) -> tuple[int, int]:
    """Return the allowed delay with the highest correlation of output and input, and the polarity (1 or -1) there."""
    if len(allowed) == 1:
        return allowed[0], 1
    likeness = np.correlate(decoded[allowed[0] : allowed[-1] + len(samples)], samples, "valid")
    best = int(np.argmax(np.abs(likeness)))
    return allowed[best], -1 if likeness[best] < 0 else 1


def loudness(samples: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness in LUFS (ITU-R BS.1770-4: K-weighting, blocks of 0.4 s every 0.1 s, two gates).

    As in `audiotools`, a signal shorter than half a second and the last block of the weighted signal are padded with
    zeros, and the minimum is -70.
    """
    weighted = match_length(samples, max(len(samples), int(LEAST_SECONDS * sample_rate)))
    for stage in pyloudnorm.Meter(sample_rate)._filters.values():
        weighted = stage.apply_filter(weighted)
    block, step = int(BLOCK_SECONDS * sample_rate), int(BLOCK_SECONDS * sample_rate * 0.25)
    complete = block + -(-(len(weighted) - block) // step) * step
    power = np.mean(sliding_window_view(match_length(weighted, complete), block)[::step] ** 2, axis=1)
    loud = power[_lufs(power) > LEAST_LOUDNESS]
    if len(loud) == 0:
        return LEAST_LOUDNESS
    loud = loud[_lufs(loud) > _lufs(loud.mean()) - RELATIVE_GATE]
    return max(LEAST_LOUDNESS, float(_lufs(loud.mean())))


def _lufs(power: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return -0.691 + 10 * np.log10(power)


def _gain(samples: np.ndarray, level: dict, measured: float | None) -> float:
    peak = float(np.abs(samples).max(initial=0))
    if peak == 0:
        return 1.0
    if "peak" in level:
        return level["peak"] / peak
    if measured is None:
        return 1.0
    return min(_decibels(level["loudness"] - measured), 1 / peak)


def _decibels(value: float) -> np.float32:
    return np.float32(10 ** (value / 20))


def _complete_length(codec: Codec, num_samples: int) -> int:
    """Return the least multiple of the hop for which the output without its delay has at least `num_samples`."""
    frames = itertools.count(-(-num_samples // codec.hop))
    lengths = (count * codec.hop for count in frames)
    return next(n for n in lengths if codec.output_length(n) - codec.delays(n)[-1] >= num_samples)
