"""Estimate the delay between two signals to fractions of a sample, and align them.

The cross-correlation of waveforms has a peak at every pitch period, and a vocoder, which generates new phases, may make
the wrong peak the highest (AudioDec's official samples, whose polarity is also inverted: 73 and 91 samples instead of
123 and 120). The cross-correlation of envelopes has a single but flat peak. So envelopes give the coarse delay, and
waveforms refine it if they are similar enough.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from codecfake.audio.io import match_length

#: Bands whose envelopes are compared: centres as fractions of the sample rate (500 to 3600 Hz at 16 kHz). Each band is
#: 1 / DECIMATION of the rate wide, and its envelope is decimated by that factor.
BAND_CENTRES, DECIMATION = (0.03125, 0.075, 0.125, 0.175, 0.225), 10
#: Waveforms refine the envelopes' lag within ± NEAR samples (2 ms at 16 kHz), if their correlation reaches ALIKE.
NEAR, ALIKE = 32, 0.5
#: Interpolation of the correlation: points per sample, and samples on each side that contribute to a point.
FINENESS, REACH = 16, 16


class Offset(NamedTuple):
    """Delay and polarity of one signal relative to another.

    Attributes:
        lag: delay in samples, negative if the signal is early; fractional unless the waveforms differ too much
            (`ALIKE`). NaN if either signal is silent.
        polarity: 1, or -1 if inverted: the sign of the strongest correlation near the lag.
    """

    lag: float
    polarity: int


def lag(reference: np.ndarray, degraded: np.ndarray, most: int) -> float:
    """Return the delay of `degraded` relative to `reference` in samples, for either polarity; see `offset`."""
    return offset(reference, degraded, most).lag


def offset(reference: np.ndarray, degraded: np.ndarray, most: int) -> Offset:
    """Estimate delay and polarity of `degraded` relative to `reference`.

    Args:
        reference, degraded: speech, float32 [N] and [M], at the same sample rate.
        most: maximum delay or advance in samples.
    """
    if not (np.any(reference) and np.any(degraded)):
        return Offset(float("nan"), 1)
    reach = most + NEAR + REACH
    size = DECIMATION * fft.next_fast_len(-(-(max(len(reference), len(degraded)) + reach) // DECIMATION))
    spectra = [fft.rfft(samples.astype(np.float64), size) for samples in (reference, degraded)]
    coarse = int(np.argmax(_of_envelopes(spectra, size, most))) - most
    norm = np.sqrt(np.sum(np.square(reference, dtype=np.float64)) * np.sum(np.square(degraded, dtype=np.float64)))
    waveforms = _around(fft.irfft(np.conj(spectra[0]) * spectra[1], size), reach) / norm
    first = max(coarse - NEAR, -most)
    near = waveforms[first + reach : min(coarse + NEAR, most) + reach + 1]
    best = int(np.argmax(np.abs(near)))
    polarity = -1 if near[best] < 0 else 1
    if abs(near[best]) < ALIKE:
        return Offset(float(coarse), polarity)
    return Offset(float(_vertex(polarity * waveforms, first + best + reach) - reach), polarity)


def _around(correlation: np.ndarray, reach: int) -> np.ndarray:
    """Return a circular correlation at the lags from -`reach` to `reach`."""
    return np.concatenate([correlation[-reach:], correlation[: reach + 1]])


def _of_envelopes(spectra: list[np.ndarray], size: int, reach: int) -> np.ndarray:
    """Return the correlation of the bands' envelopes at the lags from -`reach` to `reach`.

    An envelope is the square root of the band's magnitude, so that the loudest vowel does not dominate.
    """
    width = size // DECIMATION
    window = 1 - np.abs(2 * np.arange(width) / width - 1)
    total = np.zeros(width // 2 + 1, np.complex128)
    for centre in BAND_CENTRES:
        low = round(centre * size) - width // 2
        bins, taper = slice(max(low, 0), low + width), window[max(-low, 0) :]
        envelopes = [np.sqrt(np.abs(fft.ifft(spectrum[bins] * taper, width))) for spectrum in spectra]
        a, b = (fft.rfft(envelope - envelope.mean()) for envelope in envelopes)
        norm = np.sqrt(np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2))
        if norm > 0:
            total += np.conj(a) * b / norm
    return _around(fft.irfft(total, size), reach)


def _vertex(values: np.ndarray, best: int) -> float:
    """Return the fractional index of the maximum of a band-limited sequence near index `best`."""
    fine = np.arange(-FINENESS, FINENESS + 1) / FINENESS
    near = np.array([_between(values, best + part) for part in fine])
    peak = min(max(int(np.argmax(near)), 1), len(near) - 2)
    before, at, after = near[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return best + fine[peak] + ((before - after) / (2 * bend) if bend else 0.0) / FINENESS


def _between(values: np.ndarray, place: float) -> float:
    """Interpolate a band-limited sequence at a fractional index with a windowed sinc."""
    first = max(0, int(np.ceil(place)) - REACH)
    places = np.arange(first, min(len(values), int(place) + REACH + 1))
    away = places - place
    return float(values[places] @ (np.sinc(away) * np.cos(np.pi * away / (2 * (REACH + 1))) ** 2))


def shifted(samples: np.ndarray, lag: float, num_samples: int) -> np.ndarray:
    """Advance samples (float32 [N]) by a possibly fractional `lag`; return float32 [num_samples], zero-padded.

    The fractional part rotates phases, which preserves the level of every frequency; a finite-length filter would not.
    """
    whole = int(np.floor(lag))
    if lag != whole:
        size = fft.next_fast_len(len(samples) + 2 * REACH, real=True)
        turn = np.exp(2j * np.pi * np.arange(size // 2 + 1) / size * (lag - whole))
        samples = fft.irfft(fft.rfft(samples.astype(np.float64), size) * turn, size)[: len(samples)].astype(np.float32)
    moved = samples[whole:] if whole >= 0 else np.concatenate([np.zeros(-whole, samples.dtype), samples])
    return match_length(moved, num_samples)


def aligned(reference: np.ndarray, degraded: np.ndarray, lag: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the overlap of both signals (float32 [K] each) with `degraded` advanced by `lag`."""
    start = max(0, int(np.ceil(-lag)))
    end = max(start, min(len(reference), len(degraded) - int(np.ceil(lag))))
    return reference[start:end], shifted(degraded, lag, end)[start:]


class Likeness(NamedTuple):
    """Similarity of two signals.

    Attributes:
        correlation: cosine of the angle between the signals, in [-1, 1]; NaN if either is silent.
        gain: RMS of the second over RMS of the first; unlike a projection, it does not drop where the signals differ.
            NaN if the first is silent.
    """

    correlation: float
    gain: float


def likeness(reference: np.ndarray, degraded: np.ndarray) -> Likeness:
    """Compare two aligned signals (float32 [N])."""
    one, other = (samples.astype(np.float64) for samples in (reference, degraded))
    powers = one @ one, other @ other
    correlation = one @ other / np.sqrt(powers[0] * powers[1]) if all(powers) else np.nan
    return Likeness(float(correlation), float(np.sqrt(powers[1] / powers[0])) if powers[0] else np.nan)
