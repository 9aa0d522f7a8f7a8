"""The matched set: both classes get the same rate, length, level and band, so that only the codec differs.

Every utterance, bona fide or spoof, is resampled to one rate by one resampler and aligned with the bona fide recording
to a fraction of a sample, with the same polarity, start and end. Its mean is removed, and it is scaled to one level.
All targets are computed from the bona fide recording or are constant, so that they do not separate the classes.
"""

import numpy as np
from pydantic import Field

from codecfake.audio import io as audio
from codecfake.audio.alignment import offset, shifted
from codecfake.audio.features import activity
from codecfake.data.shards import decode_row
from codecfake.util.constants import SAMPLE_RATE
from codecfake.util.validation import Section

#: Maximum delay of a codec in samples at 16 kHz (25 ms); the maximum in CodecFake is 160.
MOST_LAG = 400
#: Maximum peak of bona fide speech: a codec's output may exceed it by a third before it is clipped.
HIGHEST_PEAK = 0.75
#: Time cut off both ends (480 samples): a codec's published output may end this much early or be delayed.
EDGE_SECONDS = 0.03
#: The low-pass filter: number of taps, odd so that the filter adds no delay; stop-band attenuation in dB (16-bit
#: rounding is 72 dB below the default level); width of the transition band in Hz.
BAND_TAPS, BAND_DB, BAND_FALL_HZ = 255, 80, 320


class Matching(Section):
    """Options of recipe `matched`."""

    level_dbfs: float = Field(
        -26.0,
        le=-20,
        description="RMS of every utterance from the first frame of speech to the last; lower if the bona fide "
        "recording would come close to clipping",
    )
    trim_silence: bool = Field(
        False, description="cut the silence before and after the speech of the bona fide recording"
    )
    bandwidth_hz: float | None = Field(
        None, ge=1000, lt=8000, description="upper limit of the band, above which only rounding remains; default: none"
    )

    def treat(self, samples: np.ndarray, sample_rate: int, source: dict) -> tuple[np.ndarray, int]:
        """Return an utterance (float32 [N]) processed by `match`, and its sample rate.

        Args:
            source: the utterance's row in the source shard: its bona fide recording, at any rate.
        """
        reference = audio.resample(*decode_row(source), SAMPLE_RATE, audio.SHARP_WIDTH)
        return match(samples, sample_rate, reference, self), SAMPLE_RATE


def match(samples: np.ndarray, sample_rate: int, reference: np.ndarray, matching: Matching) -> np.ndarray:
    """Return an utterance of either class as stored in the matched set.

    Args:
        samples: float32 [N] at `sample_rate` Hz.
        reference: float32 [M] at 16 kHz: the bona fide recording of the same utterance.

    Returns:
        float32 [M - 960] at 16 kHz; less if silence is trimmed.
    """
    samples = in_time(audio.resample(samples, sample_rate, SAMPLE_RATE, audio.SHARP_WIDTH), reference)
    if matching.bandwidth_hz:
        samples = low_pass(samples, matching.bandwidth_hz)
    edge = round(EDGE_SECONDS * SAMPLE_RATE)
    samples, reference = samples[edge:-edge], reference[edge:-edge]
    start, end = speech(reference)
    samples = samples - np.mean(samples[start:end])
    level, wanted = _rms(samples[start:end]), _level(reference, start, end, matching.level_dbfs)
    if level > 0:
        samples = samples * np.float32(wanted / level)
    return samples[start:end] if matching.trim_silence else samples


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _level(reference: np.ndarray, start: int, end: int, level_dbfs: float) -> float:
    """Return the target RMS of an utterance from `start` to `end`: 0 for digital silence."""
    level, peak = _rms(reference[start:end]), float(np.abs(reference).max())
    return min(10 ** (level_dbfs / 20), HIGHEST_PEAK * level / peak) if peak else 0.0


def in_time(samples: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return samples (float32 [N]) with the delay, polarity and length of a reference [M]."""
    late, polarity = offset(reference, samples, MOST_LAG)
    if np.isnan(late):
        return audio.match_length(samples, len(reference))
    return shifted(polarity * samples, late, len(reference))


def speech(samples: np.ndarray) -> tuple[int, int]:
    """Return the start and end of speech in samples [N] at 16 kHz; 0 and N for digital silence."""
    found = activity(samples.astype(np.float64), SAMPLE_RATE)
    if round(found.leading * SAMPLE_RATE) == len(samples):
        return 0, len(samples)
    return round(found.leading * SAMPLE_RATE), len(samples) - round(found.trailing * SAMPLE_RATE)


def low_pass(samples: np.ndarray, band_hz: float) -> np.ndarray:
    """Remove frequencies above `band_hz` from samples [N] at 16 kHz, with linear phase and without delay."""
    from scipy.signal import fftconvolve, firwin, kaiser_beta

    taps = firwin(BAND_TAPS, band_hz - BAND_FALL_HZ / 2, window=("kaiser", kaiser_beta(BAND_DB)), fs=SAMPLE_RATE)
    return fftconvolve(samples, taps, mode="same").astype(np.float32)
