"""What may befall speech on its way to a detector: lossy coding, a telephone, noise, a narrow band.

Done to bona fide and spoof alike, and aligned with the input to within a few samples, so that neither tells them apart.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from codecfake.audio import io as audio
from codecfake.util.errors import ConfigError
from codecfake.util.hashing import stable_number
from codecfake.util.validation import Section, one_of, validated

#: Pink noise is flat below, or the inaudible would take most of its power.
PINK_FROM_HZ = 50


@dataclass(frozen=True)
class Coder:
    """A lossy coder of FFmpeg.

    Attributes:
        sample_rate: of what goes in, in Hz.
        delay: samples by which the output lags beyond what FFmpeg skips by itself.
    """

    encoder: str
    decoder: str
    sample_rate: int
    delay: int = 0
    options: dict[str, str] = field(default_factory=dict)


class Condition(Section):
    """An entry of conditions.yaml; each kind is a class of its own, which `KINDS` lists."""

    kind: str = Field(description="what is done")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        """Samples (float32 [N] at `sample_rate` Hz) under the condition: float32 [N], in time with them.

        Args:
            name: of the utterance. The same arguments give the same samples.
        """
        raise NotImplementedError


class Opus(Condition):
    """Opus for speech."""

    kind: Literal["opus"] = Field(description="what is done")
    kbps: float = Field(ge=6, le=64, description="bit rate")
    coder: ClassVar = Coder("libopus", "libopus", 16000, options={"application": "voip"})

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_coder(samples, sample_rate, self.coder, self.kbps)


class Mp3(Condition):
    """MP3, MPEG-2 layer III."""

    kind: Literal["mp3"] = Field(description="what is done")
    kbps: Annotated[float, one_of(8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)] = Field(
        description="bit rate, one of the format's"
    )
    coder: ClassVar = Coder("libmp3lame", "mp3", 16000)

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_coder(samples, sample_rate, self.coder, self.kbps)


class AmrNb(Condition):
    """AMR narrowband, as mobile telephones have it."""

    kind: Literal["amr_nb"] = Field(description="what is done")
    kbps: Annotated[float, one_of(4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)] = Field(
        description="bit rate, one of the codec's modes"
    )
    # 5 ms of look-ahead, 3GPP TS 26.090
    coder: ClassVar = Coder("libopencore_amrnb", "libopencore_amrnb", 8000, delay=40)

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_coder(samples, sample_rate, self.coder, self.kbps)


class Noise(Condition):
    """Gaussian noise, the same for bona fide and spoof of one utterance and length, only scaled to each."""

    kind: Literal["noise"] = Field(description="what is done")
    colour: Literal["white", "pink"] = Field(description="pink has half the power an octave higher: nearer to speech")
    snr_db: float = Field(ge=-20, le=60, description="mean power of the whole utterance over that of the noise")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return add_noise(samples, coloured_noise(self.colour, len(samples), sample_rate, name), self.snr_db)


class Narrowband(Condition):
    """A lower rate and back."""

    kind: Literal["narrowband"] = Field(description="what is done")
    sample_rate: int = Field(ge=4000, le=16000, description="Hz, of the lower rate")

    def apply(self, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
        return through_rate(samples, sample_rate, self.sample_rate)


#: The kinds of conditions, by name.
KINDS: dict[str, type[Condition]] = {
    "opus": Opus,
    "mp3": Mp3,
    "amr_nb": AmrNb,
    "noise": Noise,
    "narrowband": Narrowband,
}


def checked(entry: dict, name: str, at: str) -> Condition:
    """An entry of conditions.yaml as the condition that it describes.

    Args:
        name, at: the file's and the entry's, for errors.

    Raises:
        ConfigError: there is no such kind; a key is missing, unknown, or has a value that is not allowed.
    """
    kind = entry.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"{name}: {at}.kind: {kind!r} is not allowed; allowed: {', '.join(KINDS)}")
    return validated(KINDS[kind], entry, name, at)


def apply(condition: Condition, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """One utterance under a condition. The same arguments give the same samples.

    Args:
        samples: float32 [N] at `sample_rate` Hz. The coders clamp them to ±0.99, as when they are stored.
        name: of the utterance.

    Returns:
        float32 [N] at `sample_rate` Hz. Noise or a filter may take it beyond ±1.

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, name)
    return condition.apply(samples, sample_rate, name)


def through_coder(samples: np.ndarray, sample_rate: int, coder: Coder, kbps: float) -> np.ndarray:
    """Encode and decode samples [N] at `sample_rate` Hz; the output float32 [N] is in time with them."""
    original = audio.resample(samples, sample_rate, coder.sample_rate)
    padded = audio.match_length(original, len(original) + coder.delay)
    decoded = audio.transcode(
        padded, coder.sample_rate, coder.encoder, coder.decoder, round(1000 * kbps), coder.options
    )
    in_time = audio.match_length(decoded[coder.delay :], len(original))
    return audio.match_length(audio.resample(in_time, coder.sample_rate, sample_rate), len(samples))


def through_rate(samples: np.ndarray, sample_rate: int, lower_rate: int) -> np.ndarray:
    """Resample samples [N] to `lower_rate` and back: float32 [N], without what is above half of it."""
    lowered = audio.resample(samples, sample_rate, lower_rate)
    return audio.match_length(audio.resample(lowered, lower_rate, sample_rate), len(samples))


def coloured_noise(colour: str, num_samples: int, sample_rate: int, name: str) -> np.ndarray:
    """Gaussian noise, float64 [num_samples], of a seed made from `name`.

    `white` has the same power at every frequency, `pink` half of it an octave higher, which is nearer to speech.
    """
    white = np.random.default_rng(stable_number(name)).standard_normal(num_samples)
    if colour == "white":
        return white
    frequencies = np.fft.rfftfreq(num_samples, 1 / sample_rate)
    return np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.maximum(frequencies, PINK_FROM_HZ)), num_samples)


def add_noise(samples: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add noise [N] at a ratio of the mean powers of whole utterance and noise; silence so remains silence.

    Returns:
        float32 [N].
    """
    ratio = np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(noise))
    return (samples + np.sqrt(ratio) * 10 ** (-snr_db / 20) * noise).astype(np.float32)
