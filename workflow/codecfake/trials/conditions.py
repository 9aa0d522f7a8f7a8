"""Conditions that degrade speech before detection: lossy coding, telephone, noise, narrow band.

A condition is applied to both bona fide and spoof, and its output is aligned with the input to within a few samples, so
that neither the condition nor a delay separates the classes.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from codecfake.audio import io as audio
from codecfake.util.errors import ConfigError
from codecfake.util.hashing import stable_number
from codecfake.util.validation import Section, one_of, validated

#: Pink noise is flat below this frequency; otherwise inaudible frequencies would have most of its power.
PINK_FROM_HZ = 50


@dataclass(frozen=True)
class Coder:
    """A lossy coder of FFmpeg.

    Attributes:
        sample_rate: sample rate of the input in Hz.
        delay: delay of the output in samples, in addition to the delay that FFmpeg compensates.
    """

    encoder: str
    decoder: str
    sample_rate: int
    delay: int = 0
    options: dict[str, str] = field(default_factory=dict)


class Condition(Section):
    """An entry of conditions.yaml; each kind has its own class, see `KINDS`."""

    kind: str = Field(description="kind of condition")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        """Apply the condition to samples (float32 [N] at `sample_rate` Hz); return float32 [N], aligned with them.

        Args:
            name: name of the utterance. Equal arguments give equal samples.
        """
        raise NotImplementedError


class Lossy(Condition):
    """Lossy coding with the coder of the class."""

    kbps: float = Field(description="bit rate in kbit/s")
    coder: ClassVar[Coder]

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_coder(samples, sample_rate, self.coder, self.kbps)


class Opus(Lossy):
    """Opus in its speech mode."""

    kind: Literal["opus"] = Field(description="kind of condition")
    kbps: float = Field(ge=6, le=64, description="bit rate in kbit/s")
    coder: ClassVar = Coder("libopus", "libopus", 16000, options={"application": "voip"})


class Mp3(Lossy):
    """MP3, MPEG-2 layer III."""

    kind: Literal["mp3"] = Field(description="kind of condition")
    kbps: Annotated[float, one_of(8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)] = Field(
        description="bit rate in kbit/s, one that the format allows"
    )
    coder: ClassVar = Coder("libmp3lame", "mp3", 16000)


class AmrNb(Lossy):
    """AMR narrowband, the codec of mobile telephony."""

    kind: Literal["amr_nb"] = Field(description="kind of condition")
    kbps: Annotated[float, one_of(4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)] = Field(
        description="bit rate in kbit/s, one of the codec's modes"
    )
    # 5 ms of look-ahead, 3GPP TS 26.090
    coder: ClassVar = Coder("libopencore_amrnb", "libopencore_amrnb", 8000, delay=40)


class Noise(Condition):
    """Gaussian noise; bona fide and spoof of an utterance get the same noise, scaled, if their lengths are equal."""

    kind: Literal["noise"] = Field(description="kind of condition")
    colour: Literal["white", "pink"] = Field(description="pink noise halves in power per octave, closer to speech")
    snr_db: float = Field(ge=-20, le=60, description="ratio of the mean powers of the complete utterance and the noise")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return add_noise(samples, coloured_noise(self.colour, len(samples), sample_rate, name), self.snr_db)


class Narrowband(Condition):
    """Resampling to a lower rate and back."""

    kind: Literal["narrowband"] = Field(description="kind of condition")
    sample_rate: int = Field(ge=4000, le=16000, description="the lower sample rate in Hz")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_rate(samples, sample_rate, self.sample_rate)


#: Classes of conditions, by kind.
KINDS: dict[str, type[Condition]] = {
    "opus": Opus,
    "mp3": Mp3,
    "amr_nb": AmrNb,
    "noise": Noise,
    "narrowband": Narrowband,
}


def checked(entry: dict, name: str, at: str) -> Condition:
    """Validate an entry of conditions.yaml; return its condition.

    Args:
        name, at: names of the file and the entry, for errors.

    Raises:
        ConfigError: the kind is unknown; a key is missing, unknown, or has a value that is not allowed.
    """
    kind = entry.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"{name}: {at}.kind: {kind!r} is not allowed; allowed: {', '.join(KINDS)}")
    return validated(KINDS[kind], entry, name, at)


def apply(condition: Condition, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """Apply a condition to an utterance. Equal arguments give equal samples.

    Args:
        samples: float32 [N] at `sample_rate` Hz. The coders clamp them to ±0.99, as storage in a shard does.
        name: name of the utterance.

    Returns:
        float32 [N] at `sample_rate` Hz. Noise or a filter may exceed ±1.

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, name)
    return condition.apply(samples, sample_rate, name)


def through_coder(samples: np.ndarray, sample_rate: int, coder: Coder, kbps: float) -> np.ndarray:
    """Encode and decode samples [N] at `sample_rate` Hz; return float32 [N], aligned with them."""
    original = audio.resample(samples, sample_rate, coder.sample_rate)
    padded = audio.match_length(original, len(original) + coder.delay)
    decoded = audio.transcode(
        padded, coder.sample_rate, coder.encoder, coder.decoder, round(1000 * kbps), coder.options
    )
    in_time = audio.match_length(decoded[coder.delay :], len(original))
    return audio.match_length(audio.resample(in_time, coder.sample_rate, sample_rate), len(samples))


def through_rate(samples: np.ndarray, sample_rate: int, lower_rate: int) -> np.ndarray:
    """Resample samples [N] to `lower_rate` and back; return float32 [N] without frequencies above half of it."""
    lowered = audio.resample(samples, sample_rate, lower_rate)
    return audio.match_length(audio.resample(lowered, lower_rate, sample_rate), len(samples))


def coloured_noise(colour: str, num_samples: int, sample_rate: int, name: str) -> np.ndarray:
    """Return Gaussian noise, float64 [num_samples], with a seed computed from `name`; see `Noise.colour`."""
    white = np.random.default_rng(stable_number(name)).standard_normal(num_samples)
    if colour == "white":
        return white
    frequencies = np.fft.rfftfreq(num_samples, 1 / sample_rate)
    return np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(frequencies, PINK_FROM_HZ)), num_samples)


def add_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add noise [N] at a ratio of the mean powers of the complete utterance and the noise; silence remains silence.

    Returns:
        float32 [N].
    """
    ratio = np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(noise))
    return (samples + np.sqrt(ratio) * 10 ** (-snr_db / 20) * noise).astype(np.float32)
