"""Signal features of a recording unrelated to its content: level, silence, band, clipping, low bits."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from codecfake.audio.io import PCM16_FULL_SCALE

#: Level of zero power; about that of 16-bit rounding noise.
FLOOR_DB = -100.0
FRAME_SECONDS = 0.01
#: Level of a frame relative to the loudest one below which it is silence.
ACTIVE_DB = -30.0
SPECTRUM_SECONDS = 0.032
#: Level relative to the peak of the mean spectrum above which a frequency belongs to the band.
BAND_DB = -60.0
#: Frequency bins of `line_level` from one multiple of the frame rate to the next, and how far from a multiple the
#: bins lie that give the floor: outside the main lobe of the window, which is two bins wide on either side.
LINE_BINS, FLOOR_BINS = 16, range(4, 9)
#: Frequency above which resamplers and codecs differ.
HIGH_HZ = 7000


class Activity(NamedTuple):
    """Level (dBFS) of the non-silent frames, and seconds of silence before the first and after the last of them."""

    level: float
    leading: float
    trailing: float


class LevelAndBand(NamedTuple):
    """Audible properties: `Activity`, the bandwidth (Hz), and the share of the power above `HIGH_HZ` (dB)."""

    level: float
    leading: float
    trailing: float
    bandwidth: float
    high: float


class LowBits(NamedTuple):
    """Positions of samples on the grid of 16-bit PCM.

    Attributes:
        on_grid: share of samples that are integer multiples of the 16-bit step.
        odd: share of samples that are odd once rounded to integer steps; 0.5 if the lowest bit is noise.
        step: smallest difference between two distinct values, in steps; NaN if all are equal.
    """

    on_grid: float
    odd: float
    step: float


def decibels(power: np.ndarray, reference: float = 1.0) -> np.ndarray:
    """Convert power over `reference` to dB, at least `FLOOR_DB`; return `FLOOR_DB` for a reference of 0."""
    ratio = np.divide(power, reference, out=np.zeros_like(power), where=reference > 0)
    return 10 * np.log10(np.maximum(ratio, 10 ** (FLOOR_DB / 10)))


def activity(samples: np.ndarray, sample_rate: int) -> Activity:
    """Measure level and silences of samples (float64 [N]); digital silence is both leading and trailing in full."""
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
    """Measure level, silences and band of samples (float [N])."""
    samples = samples.astype(np.float64)
    band = spectrum(samples, sample_rate)
    return LevelAndBand(*activity(samples, sample_rate), bandwidth(*band), share_above(*band, HIGH_HZ))


def spectrum(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies (Hz) [K] and the mean power spectrum [K] (Welch) of samples (float64 [N])."""
    from scipy.signal import welch

    frame = min(len(samples), round(SPECTRUM_SECONDS * sample_rate))
    # pass all half-overlapping frames at once: given the samples, scipy loops over frames
    frames = sliding_window_view(samples, frame)[:: frame - frame // 2]
    frequencies, power = welch(frames, sample_rate, nperseg=frame)
    return frequencies, power.mean(axis=0)


def bandwidth(frequencies: np.ndarray, power: np.ndarray) -> float:
    """Return the highest frequency (Hz) in the band of a spectrum (see `BAND_DB`); 0 for silence."""
    return float(frequencies[decibels(power, power.max()) >= BAND_DB].max(initial=0))


def share_above(frequencies: np.ndarray, power: np.ndarray, hertz: float) -> float:
    """Return the share (dB) of a spectrum's power above a frequency."""
    return float(decibels(power[frequencies > hertz].sum(), power.sum()))


def clipped(samples: np.ndarray) -> float:
    """Return the share of samples [N] at the largest magnitude with an adjacent sample of the same value."""
    peak = np.abs(samples).max()
    at_peak = np.where(np.abs(samples) == peak, np.sign(samples), 0)
    beside = (at_peak[1:] == at_peak[:-1]) & (at_peak[1:] != 0)
    return float(np.mean(np.append(beside, False) | np.append(False, beside)))


def low_bits(samples: np.ndarray) -> LowBits:
    """Measure the lowest bits of samples (float [N], full scale 1.0), which depend on how they were stored."""
    steps = samples.astype(np.float64) * PCM16_FULL_SCALE
    whole = np.rint(steps)
    gaps = np.diff(np.sort(steps))
    return LowBits(
        on_grid=float(np.mean(steps == whole)),
        odd=float(np.mean(whole.astype(np.int64) & 1)),
        step=float(gaps.min(where=gaps > 0, initial=np.inf)) if gaps.any() else float("nan"),
    )


def line_level(samples: np.ndarray, sample_rate: int, hop: int) -> float:
    """Return the level (dB) of the spectrum at the multiples of a codec's frame rate, over that between them.

    A codec whose frames all have the same error adds a line at every multiple of its frame rate. The spectrum is the
    mean of log power over windows of 16 hops, so that faint lines in pauses count.

    Args:
        samples: float [N].
        hop: samples per frame of the codec, at `sample_rate`.

    Returns:
        The mean over the multiples of the line minus the median of its floor; NaN if there is no complete window or no
        multiple below half the sample rate.
    """
    length = LINE_BINS * hop
    if len(samples) < length:
        return float("nan")
    frames = sliding_window_view(samples, length)[:: length // 2] * np.hanning(length + 1)[:-1]
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 / length
    levels = decibels(power).mean(axis=0)
    lines = np.arange(LINE_BINS, len(levels) - LINE_BINS, LINE_BINS)
    if not len(lines):
        return float("nan")
    beside = np.array([side * offset for offset in FLOOR_BINS for side in (-1, 1)])
    return float(np.mean(levels[lines] - np.median(levels[lines[:, None] + beside], axis=1)))
