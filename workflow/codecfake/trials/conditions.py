"""What may befall speech on its way to a detector: lossy coding, a telephone, noise, a narrow band.

Done to bona fide and spoof alike, and aligned with the input to within a few samples, so that neither tells them apart.
"""

from dataclasses import dataclass, field

import numpy as np

from codecfake.audio import io as audio
from codecfake.util.hashing import stable_number

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


CODERS = {
    "opus": Coder("libopus", "libopus", 16000, options={"application": "voip"}),
    "mp3": Coder("libmp3lame", "mp3", 16000),
    "amr_nb": Coder("libopencore_amrnb", "libopencore_amrnb", 8000, delay=40),  # 5 ms of look-ahead, 3GPP TS 26.090
}


def apply(condition: dict, samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """Do to one utterance what an entry of conditions.yaml says. The same arguments give the same samples.

    Args:
        condition: the entry, as checked by `config.conditions`.
        samples: float32 [N] at `sample_rate` Hz. The coders clamp them to ±0.99, as when they are stored.
        name: of the utterance. Noise depends on name, length, rate and colour alone: under one name, bona fide and
            spoof of one length get the same noise, only scaled to each.

    Returns:
        float32 [N] at `sample_rate` Hz. Noise or a filter may take it beyond ±1.

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, name)
    match condition["kind"]:
        case "noise":
            noise = coloured_noise(condition["colour"], len(samples), sample_rate, name)
            return add_noise(samples, noise, condition["snr_db"])
        case "narrowband":
            return through_rate(samples, sample_rate, condition["sample_rate"])
        case kind:
            return through_coder(samples, sample_rate, CODERS[kind], condition["kbps"])


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
