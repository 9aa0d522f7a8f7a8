"""What happens around the model: level, length and delay.

`published` repeats what the authors of CodecFake did (resyn_vctk.py and the codecs' own tools), with what it
does to level, length and delay. `clean` leaves all three as the input had them: a step before the model is
undone after it, the delay is taken out (with an inverted polarity, where the delay has to be looked for), and zeros at
the input's end complete what the model would cut. `raw` is the model alone. (`matched` is `clean`, and then what
`matching` does to both classes.)
"""

import itertools
from typing import NamedTuple

import numpy as np
import pyloudnorm
from numpy.lib.stride_tricks import sliding_window_view

from codecfake.audio.io import match_length
from codecfake.codecs import Codec

#: Blocks over which loudness is measured and the shortest signal (s); absolute gate (LUFS), relative (LU).
BLOCK_SECONDS, LEAST_SECONDS = 0.4, 0.5
LEAST_LOUDNESS, RELATIVE_GATE = -70.0, 10.0


class Prepared(NamedTuple):
    """An utterance as it was, as the model gets it, and what `finish` must know of what was done."""

    samples: np.ndarray
    waveform: np.ndarray
    gain: float
    loudness: float | None


def prepare(samples: np.ndarray, codec: Codec, recipe: str) -> Prepared:
    """What the model gets of an utterance (float32 [N] at the codec's rate)."""
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
    """What the recipe makes of the model's output (float32 [N'])."""
    if recipe == "published":
        if prepared.loudness is not None:
            decoded = decoded * _decibels(prepared.loudness - loudness(decoded, codec.sample_rate))
        return match_length(decoded, len(prepared.samples)) if codec.entry.get("length") == "input" else decoded
    if recipe == "clean":
        delay, polarity = _delay(decoded, prepared.samples, codec.delays(len(prepared.waveform)))
        return decoded[delay : delay + len(prepared.samples)] / np.float32(polarity * prepared.gain)
    return decoded


def _delay(decoded: np.ndarray, samples: np.ndarray, allowed: range) -> tuple[int, int]:
    """The lag, of those allowed, at which the output is most like the input, and its polarity (1 or -1) there."""
    if len(allowed) == 1:
        return allowed[0], 1
    likeness = np.correlate(decoded[allowed[0] : allowed[-1] + len(samples)], samples, "valid")
    best = int(np.argmax(np.abs(likeness)))
    return allowed[best], -1 if likeness[best] < 0 else 1


def loudness(samples: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness (ITU-R BS.1770-4: K-weighting, blocks of 0.4 s every 0.1 s, two gates), LUFS.

    As `audiotools` measures it: zeros complete a signal below half a second, and the weighted signal's last
    block; -70 at least.
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
    """The least multiple of the hop of which the model makes all `num_samples`, its delay taken out."""
    frames = itertools.count(-(-num_samples // codec.hop))
    lengths = (count * codec.hop for count in frames)
    return next(n for n in lengths if codec.output_length(n) - codec.delays(n)[-1] >= num_samples)
