"""What can be measured of a recording without listening to it: level, silence, band, clipping, low bits."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from codecfake.audio.io import PCM16_FULL_SCALE

#: Stands for no power at all; about that of the rounding to 16 bits.
FLOOR_DB = -100.0
FRAME_SECONDS = 0.01
#: A frame further below the loudest one is silence.
ACTIVE_DB = -30.0
SPECTRUM_SECONDS = 0.032
#: The band ends where the mean spectrum stays further below its peak.
BAND_DB = -60.0
#: Above it, resamplers and codecs differ.
HIGH_HZ = 7000


class Activity(NamedTuple):
    """Level (dBFS) of the frames that are not silence; seconds before the first of them and after the last."""

    level: float
    leading: float
    trailing: float


class LevelAndBand(NamedTuple):
    """What is plain to a listener: `Activity`, the bandwidth (Hz), the share of the power above `HIGH_HZ` (dB)."""

    level: float
    leading: float
    trailing: float
    bandwidth: float
    high: float


class LowBits(NamedTuple):
    """How samples lie on the grid of 16-bit PCM.

    Attributes:
        on_grid: share of them that are whole steps.
        odd: share of them that are odd, rounded to whole steps; half in a recording whose lowest bit is noise.
        step: the least distance between two values, in steps; NaN if all are the same.
    """

    on_grid: float
    odd: float
    step: float


def decibels(power: np.ndarray, reference: float = 1.0) -> np.ndarray:
    """Power over `reference` in dB, at least `FLOOR_DB`; that, too, where there is no reference."""
    ratio = np.divide(power, reference, out=np.zeros_like(power), where=reference > 0)
    return 10 * np.log10(np.maximum(ratio, 10 ** (FLOOR_DB / 10)))


def activity(samples: np.ndarray, sample_rate: int) -> Activity:
    """Level and silences of samples (float64 [N]); of digital silence, all is leading and all is trailing."""
    starts = np.arange(0, len(samples), max(1, round(FRAME_SECONDS * sample_rate)))
    ends = np.append(starts[1:], len(samples))
    energy = np.add.reduceat(samples**2, starts)
    levels = decibels(energy / (ends - starts))
    active = np.flatnonzero(levels > max(levels.max() + ACTIVE_DB, FLOOR_DB))
    if not len(active):
        return Activity(FLOOR_DB, len(samples) / sample_rate, len(samples) / sample_rate)
    level = decibels(energy[active].sum() / (ends - starts)[active].sum())
    trailing = (len(samples) - ends[active[-1]]) / sample_rate
    return Activity(float(level), starts[active[0]] / sample_rate, trailing)


def level_and_band(samples: np.ndarray, sample_rate: int) -> LevelAndBand:
    """What samples (float [N]) show of level, silence and band."""
    samples = samples.astype(np.float64)
    band = spectrum(samples, sample_rate)
    return LevelAndBand(*activity(samples, sample_rate), bandwidth(*band), share_above(*band, HIGH_HZ))


def spectrum(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz) [K] and the mean power spectrum [K] (Welch) of samples (float64 [N])."""
    from scipy.signal import welch

    frame = min(len(samples), round(SPECTRUM_SECONDS * sample_rate))
    # all frames at once, half of each in the next: given the samples, scipy goes through them one by one
    frames = sliding_window_view(samples, frame)[:: frame - frame // 2]
    frequencies, power = welch(frames, sample_rate, nperseg=frame)
    return frequencies, power.mean(axis=0)


def bandwidth(frequencies: np.ndarray, power: np.ndarray) -> float:
    """The highest frequency (Hz) in the band of a spectrum; 0 of silence."""
    return float(frequencies[decibels(power, power.max()) >= BAND_DB].max(initial=0))


def share_above(frequencies: np.ndarray, power: np.ndarray, hertz: float) -> float:
    """What share of a spectrum's power is above a frequency, in dB."""
    return float(decibels(power[frequencies > hertz].sum(), power.sum()))


def clipped(samples: np.ndarray) -> float:
    """The share of samples [N] at the largest magnitude that have such a one, of their sign, right beside them."""
    peak = np.abs(samples).max()
    at_peak = np.where(np.abs(samples) == peak, np.sign(samples), 0)
    beside = (at_peak[1:] == at_peak[:-1]) & (at_peak[1:] != 0)
    return float(np.mean(np.append(beside, False) | np.append(False, beside)))


def low_bits(samples: np.ndarray) -> LowBits:
    """What the lowest bits of samples (float [N], full scale 1.0) tell of how they were stored."""
    steps = samples.astype(np.float64) * PCM16_FULL_SCALE
    whole = np.rint(steps)
    gaps = np.diff(np.sort(steps))
    return LowBits(
        on_grid=float(np.mean(steps == whole)),
        odd=float(np.mean(whole.astype(np.int64) & 1)),
        step=float(gaps.min(where=gaps > 0, initial=np.inf)) if gaps.any() else float("nan"),
    )
