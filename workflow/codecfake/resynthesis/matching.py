"""The matched set: both classes alike in what need not be the codec's.

Every utterance, bona fide or spoof, ends at one rate, through one resampler; in time with the bona fide recording, to
a fraction of a sample, of its polarity, from the same sample to the same; without a mean; at one level. All this is
reckoned from the bona fide recording or is the same for all, so that nothing in it tells the classes apart.
"""

import numpy as np
from pydantic import Field

from codecfake.audio import io as audio
from codecfake.audio.alignment import offset, shifted
from codecfake.audio.features import activity
from codecfake.data.shards import decode_row
from codecfake.util.constants import SAMPLE_RATE
from codecfake.util.validation import Section

#: Samples at 16 kHz that a codec may lag (25 ms); the most in CodecFake are 160.
MOST_LAG = 400
#: Of bona fide speech: a codec's output may be higher by a third before it is clipped.
HIGHEST_PEAK = 0.75
#: What is cut off both ends (480 samples): the published output of a codec may end that much early, or be late.
EDGE_SECONDS = 0.03
#: The filter that ends the band: its taps, an odd number, so that it delays nothing; by how many dB it leaves less
#: (16-bit rounding is 72 dB below the default level); over how many Hz it falls.
BAND_TAPS, BAND_DB, BAND_FALL_HZ = 255, 80, 320


class Matching(Section):
    """What recipe matched makes alike in both classes."""

    level_dbfs: float = Field(
        -26.0,
        le=-20,
        description="RMS of every utterance from the first frame of speech to the last; less where the bona fide "
        "recording would come near to clipping",
    )
    trim_silence: bool = Field(
        False, description="cut off what is before and after the speech of the bona fide recording"
    )
    bandwidth_hz: float | None = Field(
        None, ge=1000, lt=8000, description="above it there is nothing but rounding; no filter if there is none"
    )

    def treat(self, samples: np.ndarray, sample_rate: int, source: dict) -> tuple[np.ndarray, int]:
        """An utterance (float32 [N]) as `match` leaves it, and its rate.

        Args:
            source: the row of the source shard with its bona fide recording, at any rate.
        """
        reference = audio.resample(*decode_row(source), SAMPLE_RATE, audio.SHARP_WIDTH)
        return match(samples, sample_rate, reference, self), SAMPLE_RATE


def match(samples: np.ndarray, sample_rate: int, reference: np.ndarray, matching: Matching) -> np.ndarray:
    """An utterance, of either class, as it is in the matched set.

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
    """The RMS that an utterance is to have from `start` to `end`: 0 of digital silence."""
    level, peak = _rms(reference[start:end]), float(np.abs(reference).max())
    return min(10 ** (level_dbfs / 20), HIGHEST_PEAK * level / peak) if peak else 0.0


def in_time(samples: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Samples (float32 [N]) without their lag behind a reference [M], of its polarity and length."""
    late, polarity = offset(reference, samples, MOST_LAG)
    if np.isnan(late):
        return audio.match_length(samples, len(reference))
    return shifted(polarity * samples, late, len(reference))


def speech(samples: np.ndarray) -> tuple[int, int]:
    """Where speech begins and ends in samples [N] at 16 kHz; the whole of digital silence."""
    found = activity(samples.astype(np.float64), SAMPLE_RATE)
    if round(found.leading * SAMPLE_RATE) == len(samples):
        return 0, len(samples)
    return round(found.leading * SAMPLE_RATE), len(samples) - round(found.trailing * SAMPLE_RATE)


def low_pass(samples: np.ndarray, band_hz: float) -> np.ndarray:
    """Samples [N] at 16 kHz without what is above `band_hz`, in time: a linear phase, its delay taken out."""
    from scipy.signal import fftconvolve, firwin, kaiser_beta

    taps = firwin(BAND_TAPS, band_hz - BAND_FALL_HZ / 2, window=("kaiser", kaiser_beta(BAND_DB)), fs=SAMPLE_RATE)
    return fftconvolve(samples, taps, mode="same").astype(np.float32)
