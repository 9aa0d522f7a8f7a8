"""Cues: trivial signal measurements of one clip of a set, alone and against its bona fide recording.

Detectors receive decoded samples at 16 kHz. Cues described as "at 16 kHz" are measured on these samples, all others on
the file at its own sample rate.
"""

import hashlib
import io
from collections.abc import Iterable
from operator import attrgetter

import numpy as np
import pandas as pd
import pandera.pandas as pa
import soundfile
from tqdm import tqdm

from codecfake.audio import alignment, features
from codecfake.audio import io as audio
from codecfake.corpora.released_files import Clip
from codecfake.data import tables
from codecfake.runtime import threads
from codecfake.util.constants import LABELS, SAMPLE_RATE

#: Maximum delay or advance of a clip in samples at 16 kHz (2 s): leading silence may have been cut.
MOST_LAG = 32000
#: Clips shorter than this (s) are not compared: their envelopes carry too little information.
LEAST_SECONDS = 0.1
#: Minimum absolute correlation of two clips for a gain to be measured.
ALIKE = 0.3


class Cues(tables.Table):
    """Cues of the clips of a codec or of bona fide speech."""

    utterance_id: str = pa.Field(unique=True, description="utterance, common to the bona fide and spoof clips")
    speaker_id: str = pa.Field(description="speaker")
    label: str = pa.Field(isin=LABELS, description="bonafide or spoof")
    container: str = pa.Field(description="container format: WAV, FLAC, ...")
    subtype: str = pa.Field(description="sample format: PCM_16, FLOAT, ...")
    sample_rate: int = pa.Field(gt=0, description="sample rate of the file in Hz")
    num_samples: int = pa.Field(gt=0, description="number of samples at that rate")
    peak: float = pa.Field(ge=0, description="largest magnitude; full scale is 1")
    dc: float = pa.Field(description="mean of the samples; full scale is 1")
    clipped_share: float = pa.Field(in_range=tables.RATE, description="share of samples in runs at the peak")
    on_grid_share: float = pa.Field(in_range=tables.RATE, description="share of samples at integer 16-bit steps")
    odd_share: float = pa.Field(
        in_range=tables.RATE, description="share of odd 16-bit samples; 0.5 if the bit is noise"
    )
    step: float = pa.Field(nullable=True, gt=0, description="smallest difference of two values in 16-bit steps")
    bandwidth_hz: float = pa.Field(ge=0, description="highest frequency within 60 dB of the mean spectrum's peak")
    above_8khz_db: float = pa.Field(nullable=True, description="share of power above 8 kHz; empty if rate <= 16 kHz")
    level_dbfs: float = pa.Field(description="RMS of the non-silent frames at 16 kHz")
    leading_silence_s: float = pa.Field(ge=0, description="silence before the first frame within 30 dB of the loudest")
    trailing_silence_s: float = pa.Field(ge=0, description="silence after the last such frame")
    bandwidth_at_16k_hz: float = pa.Field(ge=0, description="bandwidth at 16 kHz")
    above_7khz_db: float = pa.Field(description="share of power from 7 to 8 kHz, at 16 kHz")
    delay: float = pa.Field(nullable=True, description="delay relative to bona fide, samples at 16 kHz")
    correlation: float = pa.Field(nullable=True, description="with bona fide at that delay; negative if inverted")
    gain_db: float = pa.Field(nullable=True, description="RMS gain over bona fide at that delay")
    length_difference: float = pa.Field(nullable=True, description="length minus bona fide length at the clip's rate")
    bytes_hash: str = pa.Field(description="hash of the file")
    samples_hash: str = pa.Field(description="hash of sample rate and decoded samples")


def cue_table(clips: Iterable[Clip], bonafide: Iterable[Clip], workers: int, title: str) -> pd.DataFrame:
    """Measure the cues of every clip, as `Cues`, sorted by utterance.

    Args:
        bonafide: bona fide clips of the same utterances, in any order; a clip without one has no cues against it.
        workers: number of clips measured at a time; results do not depend on it.

    Raises:
        AudioError: a clip cannot be decoded, is empty or holds NaN.
    """
    partner = {clip.utterance_id: clip for clip in bonafide}
    clips = sorted(clips, key=attrgetter("position"))
    pairs = ((clip, partner.get(clip.utterance_id)) for clip in clips)
    measured = threads.spread(lambda pair: measure(*pair), pairs, workers)
    rows = list(tqdm(measured, total=len(clips), desc=title, unit="clip", mininterval=2))
    table = pd.DataFrame(rows, columns=tables.columns(Cues)).sort_values("utterance_id")
    return tables.check(table, Cues, title)


def measure(clip: Clip, bonafide: Clip | None) -> dict:
    """Measure a clip and return its row of `Cues`.

    Args:
        bonafide: bona fide recording of the clip; None if it is not available.

    Raises:
        AudioError: either clip cannot be decoded, is empty or holds NaN.
    """
    data = clip.read()
    samples, sample_rate = audio.decode(data, clip.name)
    resampled = audio.resample(samples, sample_rate, SAMPLE_RATE)
    numbers = {**of_file(samples, sample_rate), **at_16k(resampled)}
    if bonafide is not None:
        original, rate = audio.decode(bonafide.read(), bonafide.name)
        numbers |= against(audio.resample(original, rate, SAMPLE_RATE), resampled)
        numbers["length_difference"] = len(samples) - audio.resampled_length(len(original), rate, sample_rate)
    file = soundfile.info(io.BytesIO(data))
    return {
        "utterance_id": clip.utterance_id,
        "speaker_id": clip.speaker_id,
        "label": clip.label,
        "container": file.format,
        "subtype": file.subtype,
        "sample_rate": sample_rate,
        "num_samples": len(samples),
        **{name: round(value, tables.DIGITS) for name, value in numbers.items()},
        "bytes_hash": _hash(data),
        "samples_hash": _hash(sample_rate.to_bytes(4, "big"), samples),
    }


def of_file(samples: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Measure samples (float32 [N]) at the file's own sample rate."""
    bits = features.low_bits(samples)
    spectrum = features.spectrum(samples.astype(np.float64), sample_rate)
    wide = sample_rate > SAMPLE_RATE
    return {
        "peak": float(np.abs(samples).max()),
        "dc": float(np.mean(samples, dtype=np.float64)),
        "clipped_share": features.clipped(samples),
        "on_grid_share": bits.on_grid,
        "odd_share": bits.odd,
        "step": bits.step,
        "bandwidth_hz": features.bandwidth(*spectrum),
        "above_8khz_db": features.share_above(*spectrum, SAMPLE_RATE / 2) if wide else float("nan"),
    }


def at_16k(samples: np.ndarray) -> dict[str, float]:
    """Measure samples (float32 [N]) at 16 kHz."""
    found = features.level_and_band(samples, SAMPLE_RATE)
    return {
        "level_dbfs": found.level,
        "leading_silence_s": found.leading,
        "trailing_silence_s": found.trailing,
        "bandwidth_at_16k_hz": found.bandwidth,
        "above_7khz_db": found.high,
    }


def against(bonafide: np.ndarray, samples: np.ndarray) -> dict[str, float]:
    """Measure delay, correlation and gain of samples (float32 [N]) against bona fide ones [M], both at 16 kHz.

    The gain is a ratio of RMS values; a projection would report a codec's errors as a lower level.

    Returns:
        The three cues by name; NaN where a clip is silent or too short, or the two clips are too different.
    """
    unknown = dict.fromkeys(("delay", "correlation", "gain_db"), float("nan"))
    if min(len(bonafide), len(samples)) < LEAST_SECONDS * SAMPLE_RATE:
        return unknown
    delay = alignment.lag(bonafide, samples, MOST_LAG)
    if np.isnan(delay):
        return unknown
    correlation, gain = alignment.likeness(*alignment.aligned(bonafide, samples, delay))
    known = {"delay": delay, "correlation": correlation}
    return unknown | known | ({"gain_db": 20 * float(np.log10(gain))} if abs(correlation) >= ALIKE else {})


def _hash(*parts: bytes | np.ndarray) -> str:
    content = hashlib.blake2b(digest_size=8)
    for part in parts:
        content.update(part)
    return content.hexdigest()
