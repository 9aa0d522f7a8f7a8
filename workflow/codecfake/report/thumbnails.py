"""Clips of the samples page: an utterance in one codec, with a picture of its waveform and spectrogram."""

import io
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from codecfake.util.constants import SAMPLE_RATE
from codecfake.util.hashing import digest

#: Size of a picture in pixels: time columns, waveform rows and, below them, mel bands.
WIDTH, WAVEFORM_ROWS, BANDS = 400, 40, 136
#: Darkness of the waveform; 1 is black.
WAVEFORM_INK = 0.8
#: Spectrogram: window length in seconds and bin spacing in Hz, the same at any sample rate.
WINDOW_SECONDS, BIN_HZ = 0.025, 7.8125
#: Level range in dB from white to black; black is the `LOUD`-th percentile of the levels on the page.
RANGE_DB, LOUD = 70, 99.5
#: Power added to give silence a level: -120 dB.
SILENCE = 1e-12
#: WebP quality: half the bytes of quality 75, without a visible difference at this size.
QUALITY = 50


@dataclass(frozen=True)
class Sample:
    """An utterance in one codec: the file content from the shard, and its decoded samples."""

    utterance_id: str
    codec: str
    content: bytes
    samples: np.ndarray
    sample_rate: int

    @property
    def name(self) -> str:
        """Trial name, as in score files."""
        return f"{self.codec}+{self.utterance_id}"

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def audio(self) -> str:
        """Path of the audio file, relative to the page's folder."""
        return self._path("audio", ".flac")

    @property
    def image(self) -> str:
        """Path of the picture, relative to the page's folder."""
        return self._path("images", ".webp")

    def _path(self, kind: str, suffix: str) -> str:
        return f"{kind}/{safe_name(self.utterance_id)}/{safe_name(self.codec)}{suffix}"


def safe_name(name: str) -> str:
    """Return a unique name for a file or folder that is valid in any file system and URL."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".")[:80]
    return plain if plain == name else f"{plain}-{digest(name)[:8]}"


def spans(clips: list[Sample]) -> dict[str, float]:
    """Return the duration (s) of the longest clip of each utterance."""
    found: dict[str, float] = {}
    for clip in clips:
        found[clip.utterance_id] = max(clip.seconds, found.get(clip.utterance_id, 0))
    return found


def waveform(clip: Sample, span: float, peak: float) -> np.ndarray:
    """Draw ink [WAVEFORM_ROWS, WIDTH] from the minimum to the maximum sample of each column.

    Args:
        span: duration (s) of the time axis.
        peak: sample value at the top.
    """
    edges = (np.arange(WIDTH) * span * clip.sample_rate / WIDTH).astype(int)
    edges = edges[edges < len(clip.samples)]
    middle, ink = (WAVEFORM_ROWS - 1) / 2, np.zeros((WAVEFORM_ROWS, WIDTH))
    scaled = middle * (1 - clip.samples / peak)
    top, bottom = np.minimum.reduceat(scaled, edges), np.maximum.reduceat(scaled, edges)
    rows = np.arange(WAVEFORM_ROWS)[:, None]
    ink[:, : len(edges)] = WAVEFORM_INK * ((np.floor(top) <= rows) & (rows <= np.ceil(bottom)))
    return ink


@lru_cache(maxsize=1)
def _mel_bands(highest: float) -> np.ndarray:
    """Return triangular weights [bins, BANDS] from 0 to `highest` Hz, for bins spaced by `BIN_HZ`."""
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(round(highest / BIN_HZ) + 1, 0, highest, BANDS, round(2 * highest)).numpy()


def spectrogram(clip: Sample, span: float, highest: float) -> np.ndarray:
    """Return levels [BANDS, WIDTH] in dB, highest band first; a full-scale sine has about 0 dB.

    Args:
        span: duration (s) of the time axis.
        highest: frequency (Hz) at the top for any sample rate; bands above the clip's Nyquist frequency are silent.
    """
    size = round(WINDOW_SECONDS * clip.sample_rate)
    starts = ((np.arange(WIDTH) + 0.5) * span * clip.sample_rate / WIDTH).astype(int)
    padded = np.pad(clip.samples, (size // 2, max(0, starts[-1] + size - len(clip.samples))))
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * (window * 2 / window.sum())
    power = np.abs(np.fft.rfft(frames, round(clip.sample_rate / BIN_HZ))) ** 2
    bands = _mel_bands(highest)
    bins = min(power.shape[1], len(bands))
    return 10 * np.log10(power[:, :bins] @ bands[:bins] + SILENCE).T[::-1]


class Scale(NamedTuple):
    """Scale common to all pictures of a page.

    Attributes:
        peak: sample value at the top of the waveform.
        highest: frequency (Hz) at the top of the spectrogram.
        loud, quiet: levels (dB) of black and white.
        limit: highest frequency (Hz) of the detectors' input.
        limit_at: position of `limit` in % of the picture's height, from the top; it is above the spectrogram if `limit`
            exceeds `highest`.
    """

    peak: float
    highest: float
    loud: float
    quiet: float
    limit: int
    limit_at: float


def pictures(clips: list[Sample]) -> tuple[list[bytes], Scale]:
    """Draw each clip's waveform above its spectrogram as WebP, dark on white; return them with their common scale.

    The clips of an utterance share a time axis as long as the longest clip.
    """
    lasting = spans(clips)
    peak = max(float(np.abs(clip.samples).max()) for clip in clips) or 1.0
    highest = max(clip.sample_rate for clip in clips) / 2
    levels = [spectrogram(clip, lasting[clip.utterance_id], highest) for clip in clips]
    loud = float(np.percentile(levels, LOUD))
    found = []
    for clip, level in zip(clips, levels, strict=True):
        ink = np.vstack([waveform(clip, lasting[clip.utterance_id], peak), 1 + (level - loud) / RANGE_DB])
        buffer = io.BytesIO()
        pixels = np.rint(255 * (1 - np.clip(ink, 0, 1))).astype(np.uint8)
        Image.fromarray(pixels).save(buffer, "WEBP", quality=QUALITY, method=6)
        found.append(buffer.getvalue())
    return found, Scale(peak, highest, loud, loud - RANGE_DB, SAMPLE_RATE // 2, _height(SAMPLE_RATE / 2, highest))


def _height(hertz: float, highest: float) -> float:
    """Return a frequency's position in % from the top of a picture; mel as in O'Shaughnessy (1987) and torchaudio."""
    mel = [math.log10(1 + value / 700) for value in (hertz, highest)]
    return round(100 * (WAVEFORM_ROWS + BANDS * (1 - mel[0] / mel[1])) / (WAVEFORM_ROWS + BANDS), 1)
