"""Speech-like sound."""

import numpy as np


def make_speech(seconds: float = 1.0, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Return speech-like sound, float32 [seconds * sample_rate], within ±0.5: syllables with a varying f0."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    f0 = random.uniform(90, 220) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(0.5, 2) * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(f0) / sample_rate
    voice = np.zeros_like(time)
    for harmonic in range(1, 30):
        audible = harmonic * f0 < min(4000, 0.45 * sample_rate)
        voice += audible * np.sin(harmonic * phase + random.uniform(0, 6)) / harmonic
    syllables = 0.05 + np.sin(np.pi * random.uniform(3, 5) * time + random.uniform(0, 3)) ** 2
    sound = syllables * (voice + 0.02 * random.standard_normal(len(time)))
    return (0.5 * sound / max(np.abs(sound).max(initial=0), 1e-9)).astype(np.float32)
