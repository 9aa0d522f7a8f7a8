"""Whether two recordings are of one speaker, as a network trained to tell speakers apart hears it."""

from functools import lru_cache

import numpy as np
from resemblyzer import VoiceEncoder
from resemblyzer.audio import normalize_volume
from resemblyzer.hparams import audio_norm_target_dBFS, mel_window_length, sampling_rate

#: Samples of the shortest signal: one window.
SHORTEST = sampling_rate * mel_window_length // 1000


def speaker_similarity(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Cosine of the speaker embeddings of signals [N] and [M] at 16 kHz, in [0, 1]: the embeddings are not negative.

    Resemblyzer's encoder (Wan et al., ICASSP 2018, "Generalized end-to-end loss for speaker verification"). Both are
    brought to -30 dBFS first: level sways it. Silences stay, other than in Resemblyzer's own `preprocess_wav`, which
    might cut two signals of one utterance differently.

    NaN where one of them is silent or shorter than a window (25 ms).
    """
    if any(len(samples) < SHORTEST or not samples.any() for samples in (reference, degraded)):
        return float("nan")
    one, other = (_embedding(samples) for samples in (reference, degraded))
    return float(np.clip(one @ other, 0, 1))


def _embedding(samples: np.ndarray) -> np.ndarray:
    """A voice's direction: float32 [256] of length 1."""
    return encoder().embed_utterance(normalize_volume(samples, audio_norm_target_dBFS))


@lru_cache(maxsize=1)
def encoder() -> VoiceEncoder:
    """The network, loaded at the first call."""
    return VoiceEncoder("cpu", verbose=False)
