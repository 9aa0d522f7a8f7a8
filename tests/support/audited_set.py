"""Small sets for audit tests: recordings of several speakers, and synthetic codecs that each leave one artefact."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from scipy.signal import firwin

from codecfake.audit import comparison
from codecfake.audit.cues import Cues, cue_table
from codecfake.corpora.released import open_set
from codecfake.data import tables

SAMPLE_RATE = 16000
SPEAKERS, PER_SPEAKER = 6, 4
#: Minimum samples of room noise before and after each recording, and samples that `trimmed` removes.
ROOM, CUT = 4800, 3200

#: Hops of the published codecs and the miniatures, in samples.
HOPS = (64, 80, 160, 300, 320, 512, 640)


def recordings(speech: Callable[..., np.ndarray]) -> dict[str, np.ndarray]:
    """Return recordings by utterance: speech of various lengths and levels in room noise, float32, within ±0.5."""
    random, found = np.random.default_rng(0), {}
    for speaker in range(SPEAKERS):
        for number in range(PER_SPEAKER):
            samples = speech(random.uniform(0.4, 0.7), SAMPLE_RATE, seed=len(found)) * random.uniform(0.3, 0.9)
            before, after = random.integers(ROOM, 2 * ROOM, 2)
            samples = np.pad(samples, (before, after)) + random.normal(0, 0.003, len(samples) + before + after)
            found[f"s{speaker}_{number}"] = samples.astype(np.float32)
    return found


def delayed(samples: np.ndarray, lag: float) -> np.ndarray:
    """Delay samples circularly by `lag` samples, which may be fractional."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(samples)) * lag)
    return np.fft.irfft(np.fft.rfft(samples) * turn, len(samples))


def low_passed(samples: np.ndarray) -> np.ndarray:
    return np.convolve(samples, firwin(401, 7000, fs=SAMPLE_RATE), mode="same")


#: The artefact of each codec on a recording, in addition to faint noise.
TRACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda samples: samples,
    "delay": lambda samples: delayed(samples, 7.5),
    "gain": lambda samples: samples * 10 ** (3 / 20),
    "hop": lambda samples: samples[: len(samples) // 320 * 320],
    "dc": lambda samples: samples + 0.002,
    "band": low_passed,
    "trimmed": lambda samples: samples[CUT:],
    "peak": lambda samples: 0.95 * samples / np.abs(samples).max(),
    "inverted": lambda samples: -samples,
    "clipped": lambda samples: np.clip(samples, -0.5 * np.abs(samples).max(), 0.5 * np.abs(samples).max()),
    "even": lambda samples: np.rint(samples * 16384) / 16384,
}


def write_set(folder: Path, speech: Callable[..., np.ndarray], codecs: list[str], subtype: str = "PCM_16") -> Path:
    """Write bona fide recordings (16-bit WAV) and the outputs of the given codecs of `TRACES`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (utterance, samples) in enumerate(recordings(speech).items()):
        soundfile.write(folder / f"genuine+{utterance}.wav", samples, SAMPLE_RATE, "PCM_16")
        for place, codec in enumerate(codecs):
            noise = np.random.default_rng((number, place)).normal(0, 2e-5, len(samples))
            changed = TRACES[codec](samples + noise)
            soundfile.write(folder / f"{codec}+{utterance}.wav", changed, SAMPLE_RATE, subtype)
    return folder


def measured(folder: Path, workers: int = 1) -> dict[str, pd.DataFrame]:
    """Return the `cues.Cues` of a set for each codec."""
    found = open_set(folder)
    bonafide = found.clips("identity")
    return {codec: cue_table(found.clips(codec), bonafide, workers, codec) for codec in found.codecs}


def random_cues(speakers: int = 8, per_speaker: int = 10, seed: int = 0, prefix: str = "s", **changes) -> pd.DataFrame:
    """Return random `cues.Cues`; `changes` replaces columns by values, or by functions of the random column."""
    random, count = np.random.default_rng(seed), speakers * per_speaker
    table = pd.DataFrame({name: random.uniform(0.1, 0.9, count) for name in comparison.NUMBERS})
    table = table.assign(
        speaker_id=[f"{prefix}{number % speakers}" for number in range(count)],
        utterance_id=[f"{prefix}{number % speakers}_{number}" for number in range(count)],
        label="spoof",
        container="WAV",
        subtype="PCM_16",
        sample_rate=16000,
        num_samples=random.integers(16000, 160000, count),
        bytes_hash=[f"{seed}{number}" for number in range(count)],
        samples_hash=[f"{seed}{number}" for number in range(count)],
    )
    for name, change in changes.items():
        table[name] = change(table[name]) if callable(change) else change
    return tables.check(table[tables.columns(Cues)], Cues, "cues")
