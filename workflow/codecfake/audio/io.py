"""Decode, encode, resample and match lengths: the only module in which samples change rate or type."""

import io
import math
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from codecfake.audio import containers
from codecfake.util.errors import AudioError
from codecfake.util.files import write_bytes
from codecfake.util.foreign import HEAD_BYTES, described

PCM16_FULL_SCALE = 32768
#: Zero crossings of the resampler's windowed sinc. If the lower rate is 16 kHz, torchaudio's default rolls off from
#: 7 kHz on; the sharp one is flat up to 7.8 kHz.
DEFAULT_WIDTH, SHARP_WIDTH = 6, 64
#: Every written sample is clamped to ± this, as in resyn_vctk.py by the authors of CodecFake.
CLAMP = 0.99
#: Suffixes of the formats that are read: those that libsndfile recognises by their header, and raw G.722.
WITH_HEADER = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".rf64", ".au", ".caf", ".sph")
SUFFIXES = (*WITH_HEADER, ".g722")
#: Number of samples that an MP3 may lack, since encoders count the last frame differently.
SLACK = 2 * 1152
#: Length that libsndfile gives a file of unknown length.
UNKNOWN_FRAMES = (1 << 63) - 1
#: Channels cancel if the mean's power is less than this share (-20 dB) of the loudest channel's.
CANCELLED = 0.01
#: Largest magnitude of samples of full scale 1 (24 dB above it): larger ones are integers stored as floats.
LARGEST = 16.0
#: Number of coefficients of the windowed sinc's kernel above which another method resamples.
LARGEST_KERNEL = 1 << 26
#: Sample rates of speech (Hz).
LEAST_RATE, GREATEST_RATE = 2000, 768000
#: Containers of written files, by suffix.
WRITTEN = {".wav": "WAV", ".flac": "FLAC", "": "WAV"}


def read(path: Path, name: str | None = None) -> tuple[np.ndarray, int]:
    """Read an audio file of any format, bit depth and number of channels; errors call it `name`.

    Returns:
        Mono samples (float32 [N], full scale 1.0; the mean of the channels, or the loudest one if they cancel) and
        the sample rate in Hz.

    Raises:
        AudioError: the file is missing, truncated, cannot be decoded, is empty or only zeros, or holds NaN, infinity
            or magnitudes above `LARGEST`.
    """
    path, name = Path(path), name or str(path)
    try:
        str(path).encode()
        data = path.read_bytes()
    except UnicodeEncodeError:
        raise AudioError(f"{name!a}: the name is not UTF-8; rename the file") from None
    except FileNotFoundError:
        raise AudioError(f"{name}: no such audio file") from None
    except OSError as error:
        raise AudioError(f"{name}: cannot be read ({error.strerror})") from None
    samples, sample_rate = decode(data, name, path.suffix.lower())
    if not samples.any():
        raise AudioError(f"{name}: digital silence: all {len(samples)} samples are 0")
    return samples, sample_rate


def decode(data: bytes, name: str, suffix: str = "") -> tuple[np.ndarray, int]:
    """Decode the bytes of an audio file; errors call it `name`. See `read`."""
    try:
        samples, sample_rate = _decode_g722(data) if suffix == ".g722" else _decode_with_header(data, name)
    except (soundfile.LibsndfileError, ValueError, OSError) as error:
        why = described(data[:HEAD_BYTES]) or getattr(error, "error_string", error)  # without the buffer's address
        raise AudioError(f"{name}: cannot be decoded as audio ({why}); allowed: {', '.join(SUFFIXES)}") from None
    if not LEAST_RATE <= sample_rate <= GREATEST_RATE:
        raise AudioError(f"{name}: sample rate {sample_rate} Hz; allowed: {LEAST_RATE} to {GREATEST_RATE}")
    check(samples, name)
    return samples, sample_rate


def _decode_with_header(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """Decode a format that libsndfile recognises; refuse a truncated file, of which libsndfile would read the rest."""
    end = containers.promised_end(data)
    if end and end > len(data):
        raise AudioError(f"{name}: {len(data)} bytes; its header says {end}: the file was cut short")
    if data.startswith(b"OggS") and not containers.ends_with_last_page(data):
        raise AudioError(f"{name}: its last page is missing: the file was cut short")
    if start := containers.unfinished(data):
        print(f"{name}: 0 bytes of audio by its header; the {len(data) - start} that follow are read", file=sys.stderr)
        data = containers.finished(data, start)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        if file.frames == UNKNOWN_FRAMES:
            return _decode_stream(data)
        try:
            samples = file.read(file.frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(f"damaged or cut short: {error.error_string}") from None
        if len(samples) < file.frames - SLACK:
            raise AudioError(f"{name}: {len(samples)} samples; its header says {file.frames}: the file was cut short")
        return _mono(samples), file.samplerate


def _decode_stream(data: bytes) -> tuple[np.ndarray, int]:
    """Decode a file whose header does not give its length, which libsndfile needs."""
    import av

    with av.open(io.BytesIO(data)) as container:
        as_float = av.AudioResampler(format="fltp")
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in as_float.resample(frame)]
        return _mono(np.concatenate(frames, axis=1).T), container.streams.audio[0].rate


def _mono(samples: np.ndarray) -> np.ndarray:
    """Return the mean of the channels of [N, C]; the loudest channel if the channels cancel in the mean."""
    mean = samples.mean(axis=1)
    if samples.shape[1] == 1 or not np.isfinite(samples).all():
        return mean
    powers = (samples.astype(np.float64) ** 2).mean(axis=0)
    cancels = (mean.astype(np.float64) ** 2).mean() < CANCELLED * powers.max(initial=0)
    return samples[:, powers.argmax()] if cancels else mean


def _decode_g722(data: bytes) -> tuple[np.ndarray, int]:
    """Decode raw G.722 at 64 kbit/s, which has no header and is always 16 kHz mono."""
    import av

    with av.open(io.BytesIO(data), format="g722") as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    pcm = np.concatenate(frames) if frames else np.zeros(0, np.int16)
    return from_pcm16(pcm), 16000


def transcode(
    samples: np.ndarray, sample_rate: int, encoder: str, decoder: str, bit_rate: int, options: dict[str, str]
) -> np.ndarray:
    """Encode and decode samples with a lossy FFmpeg codec, packet by packet, without a container.

    Args:
        samples: float32 [N] at `sample_rate` Hz, a rate that the encoder supports.
        encoder, decoder: FFmpeg names of the encoder and the decoder.
        bit_rate: in bit/s.
        options: further FFmpeg options of the encoder.

    Returns:
        float32, about N samples at `sample_rate` Hz, delayed by the codec delay that FFmpeg does not remove itself.
    """
    import av

    coder = av.CodecContext.create(encoder, "w")
    coder.sample_rate, coder.layout, coder.format = sample_rate, "mono", coder.codec.audio_formats[0]
    coder.bit_rate, coder.options = bit_rate, options
    frame = av.AudioFrame.from_ndarray(to_pcm16(samples)[None], format="s16", layout="mono")
    frame.sample_rate = sample_rate
    packets = [*coder.encode(frame), *coder.encode(None)]
    back = av.CodecContext.create(decoder, "r")
    back.sample_rate, back.layout, back.extradata = sample_rate, "mono", coder.extradata
    frames = [frame for packet in [*packets, None] for frame in back.decode(packet)]
    pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return resample(from_pcm16(pcm), frames[0].sample_rate, sample_rate)


def check(samples: np.ndarray, name: str, minimum: int = 1) -> None:
    """Refuse audio that no codec or detector can take.

    Raises:
        AudioError: fewer than `minimum` samples, or a sample that is NaN, infinite or above `LARGEST`.
    """
    if len(samples) == 0:
        raise AudioError(f"{name}: the audio is empty (0 samples)")
    if len(samples) < minimum:
        raise AudioError(f"{name}: {len(samples)} samples; at least {minimum} (one frame) needed")
    finite = np.isfinite(samples)
    if not finite.all():
        position = int(np.argmin(finite))
        raise AudioError(f"{name}: sample {position} is {samples[position]}; only finite samples are allowed")
    if (peak := np.abs(samples).max()) > LARGEST:
        raise AudioError(f"{name}: magnitude {peak:g}, full scale is 1; integers stored as floats must be scaled")


@lru_cache(maxsize=16)
def _resampler(from_rate: int, to_rate: int, width: int):
    """Return torchaudio's resampler for two rates in Hz."""
    import torchaudio

    return torchaudio.transforms.Resample(from_rate, to_rate, lowpass_filter_width=width)


def resample(samples: np.ndarray, from_rate: int, to_rate: int, width: int = DEFAULT_WIDTH) -> np.ndarray:
    """Resample with torchaudio's windowed sinc, by default with the settings of the authors of CodecFake.

    Odd pairs of rates, for which its kernel would not fit in memory, take SciPy's polyphase filter (Kaiser window,
    beta 5, 20 zero crossings).

    Args:
        samples: float32 [N] at `from_rate` Hz.
        width: zero crossings of the sinc; more give a steeper cut-off.

    Returns:
        float32 [ceil(N * to_rate / from_rate)] at `to_rate` Hz.
    """
    if from_rate == to_rate:
        return samples
    common = math.gcd(from_rate, to_rate)
    if from_rate // common * (to_rate // common) > LARGEST_KERNEL:
        resampled = resample_poly(samples, to_rate // common, from_rate // common).astype(np.float32)
    else:
        resampled = _windowed_sinc(samples, from_rate, to_rate, width)
    # torchaudio computes the length in float32, which for seconds of audio may be one sample short
    return match_length(resampled, resampled_length(len(samples), from_rate, to_rate))


def _windowed_sinc(samples: np.ndarray, from_rate: int, to_rate: int, width: int) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return _resampler(from_rate, to_rate, width)(torch.from_numpy(samples)).numpy()


def resampled_length(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Return the number of samples that `resample` returns."""
    return math.ceil(num_samples * to_rate / from_rate)


def match_length(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """Cut or zero-pad the end so that exactly `num_samples` samples remain."""
    return np.pad(samples[:num_samples], (0, max(0, num_samples - len(samples))))


def to_pcm16(samples: np.ndarray) -> np.ndarray:
    """Convert float32 [N] to int16 [N], clamped to ±0.99 and rounded to the nearest step."""
    clamped = np.clip(samples, -CLAMP, CLAMP)
    return np.rint(clamped * PCM16_FULL_SCALE).astype(np.int16)


def from_pcm16(pcm: np.ndarray) -> np.ndarray:
    """Convert int16 [N] to float32 [N] in [-1, 1)."""
    return pcm.astype(np.float32) / PCM16_FULL_SCALE


def encode(samples: np.ndarray, sample_rate: int, container: str = "FLAC") -> bytes:
    """Encode samples as 16-bit PCM in FLAC, the only format of stored audio, or in WAV for a user's file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, to_pcm16(samples), sample_rate, format=container, subtype="PCM_16")
    return buffer.getvalue()


def container_of(path: Path) -> str:
    """Return the container that a file's suffix stands for; WAV if it has none.

    Raises:
        AudioError: audio of another format is not written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN:
        raise AudioError(f"{path}: {suffix} is not written; allowed: {', '.join(filter(None, WRITTEN))}")
    return WRITTEN[suffix]


def write(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write 16-bit WAV or FLAC atomically; see `container_of`."""
    write_bytes(path, encode(samples, sample_rate, container_of(path)))
