"""A clip of the samples page: an utterance in one codec, and the small picture of it."""

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

#: Pixels of a picture: columns of time, rows of the waveform and, below it, mel bands.
WIDTH, WAVEFORM_ROWS, BANDS = 400, 40, 136
#: How dark a waveform is, 1 being black.
WAVEFORM_INK = 0.8
#: Spectrogram: seconds of a window, and Hz between the bins of its spectrum, the same at any sample rate.
WINDOW_SECONDS, BIN_HZ = 0.025, 7.8125
#: dB from white to black; black is the level that `LOUD` % of all pixels on the page are below.
RANGE_DB, LOUD = 70, 99.5
#: The power that stands for silence, which has no level: -120 dB.
SILENCE = 1e-12
#: WebP quality: half the bytes of 75, and no difference to be seen at this size.
QUALITY = 50


@dataclass(frozen=True)
class Sample:
    """An utterance in one codec: its file as the shard has it, and what is in it."""

    utterance_id: str
    codec: str
    content: bytes
    samples: np.ndarray
    sample_rate: int

    @property
    def name(self) -> str:
        """The trial's name, as score files have it."""
        return f"{self.codec}+{self.utterance_id}"

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def audio(self) -> str:
        """Where its file lies, below the page's folder."""
        return self._path("audio", ".flac")

    @property
    def image(self) -> str:
        """Where its picture lies."""
        return self._path("images", ".webp")

    def _path(self, kind: str, suffix: str) -> str:
        return f"{kind}/{safe_name(self.utterance_id)}/{safe_name(self.codec)}{suffix}"


def safe_name(name: str) -> str:
    """A name for a file or folder that any file system and address takes; another for another name."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".")[:80]
    return plain if plain == name else f"{plain}-{digest(name)[:8]}"


def spans(clips: list[Sample]) -> dict[str, float]:
    """Seconds of the longest clip of each utterance."""
    found: dict[str, float] = {}
    for clip in clips:
        found[clip.utterance_id] = max(clip.seconds, found.get(clip.utterance_id, 0))
    return found


def waveform(clip: Sample, span: float, peak: float) -> np.ndarray:
    """Ink [WAVEFORM_ROWS, WIDTH] from the least to the greatest sample of each column.

    Args:
        span: seconds from the left edge to the right.
        peak: the sample value at the top.
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
    """Triangular weights [bins, BANDS] from 0 to `highest` Hz, bins being `BIN_HZ` apart."""
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(round(highest / BIN_HZ) + 1, 0, highest, BANDS, round(2 * highest)).numpy()


def spectrogram(clip: Sample, span: float, highest: float) -> np.ndarray:
    """Levels [BANDS, WIDTH] in dB, highest band first; a sine of full scale has about 0.

    Args:
        span: seconds from the left edge to the right.
        highest: Hz of the top, whatever the clip's rate; above half of that rate there is silence.
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
    """What all pictures of a page share.

    Attributes:
        peak: the sample value at the top of the waveform.
        highest: Hz at the top of the spectrogram.
        loud, quiet: dB of its black and white.
        heard: Hz up to which detectors hear.
        heard_at: where that is, in % of the picture's height from its top; below 0 if it is higher than `highest`.
    """

    peak: float
    highest: float
    loud: float
    quiet: float
    heard: int
    heard_at: float


def pictures(clips: list[Sample]) -> tuple[list[bytes], Scale]:
    """A WebP of each clip's waveform above its spectrogram, dark on white, all on the scale that is returned.

    The clips of an utterance share one axis of time, as long as the longest.
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
    """Where a frequency is in a picture, in % from its top; mel as O'Shaughnessy (1987) and torchaudio have it."""
    mel = [math.log10(1 + value / 700) for value in (hertz, highest)]
    return round(100 * (WAVEFORM_ROWS + BANDS * (1 - mel[0] / mel[1])) / (WAVEFORM_ROWS + BANDS), 1)
