"""Cues: what is measurable of one clip of a set without listening to it, and against its bona fide recording.

Detectors hear decoded samples at 16 kHz. What is told "as heard" is measured of these, the rest of the file as it is.
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

#: Samples as heard by which a clip may be late or early (2 s): silence may have been cut off.
MOST_LAG = 32000
#: Clips shorter than this (s) are not set against each other: their envelopes say nothing.
LEAST_SECONDS = 0.1
#: Below this correlation two clips have no gain in common that could be told.
ALIKE = 0.3
SHARE = {"min_value": 0, "max_value": 1}


class Cues(tables.Table):
    """The cues of a codec's clips, or of bona fide speech."""

    utterance_id: str = pa.Field(unique=True, description="what bona fide and spoof of one recording share")
    speaker_id: str = pa.Field(description="who speaks")
    label: str = pa.Field(isin=LABELS, description="bonafide or spoof")
    container: str = pa.Field(description="WAV, FLAC, ...")
    subtype: str = pa.Field(description="PCM_16, FLOAT, ...")
    sample_rate: int = pa.Field(gt=0, description="Hz, of the file")
    num_samples: int = pa.Field(gt=0, description="at that rate")
    peak: float = pa.Field(ge=0, description="largest magnitude; full scale is 1")
    dc: float = pa.Field(description="mean of the samples; full scale is 1")
    clipped_share: float = pa.Field(in_range=SHARE, description="of the samples, in runs at the peak")
    on_grid_share: float = pa.Field(in_range=SHARE, description="of the samples, whole steps of 16 bits")
    odd_share: float = pa.Field(in_range=SHARE, description="of the samples, odd as 16 bits; 0.5 if the bit is noise")
    step: float = pa.Field(nullable=True, gt=0, description="least distance of two values, in steps of 16 bits")
    bandwidth_hz: float = pa.Field(ge=0, description="highest frequency within 60 dB of the mean spectrum's peak")
    above_8khz_db: float = pa.Field(nullable=True, description="share of the power; empty up to 16 kHz")
    level_dbfs: float = pa.Field(description="RMS of what is not silence, as heard")
    leading_silence_s: float = pa.Field(ge=0, description="before the first frame within 30 dB of the loudest")
    trailing_silence_s: float = pa.Field(ge=0, description="after the last such frame")
    bandwidth_at_16k_hz: float = pa.Field(ge=0, description="the bandwidth as heard")
    above_7khz_db: float = pa.Field(description="share of the power as heard, up to 8 kHz")
    delay: float = pa.Field(nullable=True, description="samples as heard by which it is later than bona fide")
    correlation: float = pa.Field(nullable=True, description="with bona fide at that delay; below 0, it is inverted")
    gain_db: float = pa.Field(nullable=True, description="by how much it is louder at that delay (RMS)")
    length_difference: float = pa.Field(nullable=True, description="samples at its rate more than bona fide has there")
    bytes_hash: str = pa.Field(description="of the file")
    samples_hash: str = pa.Field(description="of rate and decoded samples")


def cue_table(clips: Iterable[Clip], bonafide: Iterable[Clip], workers: int, title: str) -> pd.DataFrame:
    """The cues of every clip, as `Cues`, by utterance.

    Args:
        bonafide: clips of the same utterances, in any order; one without has nothing to be set against.
        workers: how many are measured at a time; no number depends on it.

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
    """A row of `Cues`.

    Args:
        bonafide: the recording that the clip was made of; None if it is not at hand.

    Raises:
        AudioError: one of the two cannot be decoded, is empty or holds NaN.
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
        **{name: round(value, 6) for name, value in numbers.items()},
        "bytes_hash": _hash(data),
        "samples_hash": _hash(sample_rate.to_bytes(4, "big"), samples),
    }


def of_file(samples: np.ndarray, sample_rate: int) -> dict[str, float]:
    """What samples (float32 [N]) show at the file's own rate."""
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
    """What samples (float32 [N]) at 16 kHz show."""
    found = features.level_and_band(samples, SAMPLE_RATE)
    return {
        "level_dbfs": found.level,
        "leading_silence_s": found.leading,
        "trailing_silence_s": found.trailing,
        "bandwidth_at_16k_hz": found.bandwidth,
        "above_7khz_db": found.high,
    }


def against(bonafide: np.ndarray, samples: np.ndarray) -> dict[str, float]:
    """Delay, correlation and gain of samples (float32 [N]) against bona fide ones [M], both at 16 kHz.

    The gain is that of the RMS, not of a projection, for which whatever a codec gets wrong would lower the level.

    Returns:
        NaN for what cannot be told, of silence or clips too short or too unlike.
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
