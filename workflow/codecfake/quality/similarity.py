"""Speaker similarity of two recordings, measured with a speaker verification network."""

from functools import lru_cache

import numpy as np
from resemblyzer import VoiceEncoder
from resemblyzer.audio import normalize_volume
from resemblyzer.hparams import audio_norm_target_dBFS, mel_window_length, sampling_rate

#: Minimum length of a signal in samples: one window.
SHORTEST = sampling_rate * mel_window_length // 1000


def speaker_similarity(reference: np.ndarray, degraded: np.ndarray) -> float:
    """Return the cosine of the speaker embeddings of signals [N] and [M] at 16 kHz, in [0, 1].

    Embeddings are non-negative and come from Resemblyzer's encoder (Wan et al., ICASSP 2018, "Generalized end-to-end
    loss for speaker verification"). Both signals are scaled to -30 dBFS first, because level affects embeddings.
    Silences are kept, unlike in Resemblyzer's `preprocess_wav`, which might cut two signals of one utterance
    differently.

    NaN if either signal is silent or shorter than a window (25 ms).
    """
    if any(len(samples) < SHORTEST or not samples.any() for samples in (reference, degraded)):
        return float("nan")
    one, other = (_embedding(samples) for samples in (reference, degraded))
    return float(np.clip(one @ other, 0, 1))


def _embedding(samples: np.ndarray) -> np.ndarray:
    """Return a speaker embedding: float32 [256] of unit length."""
    return encoder().embed_utterance(normalize_volume(samples, audio_norm_target_dBFS))


@lru_cache(maxsize=1)
def encoder() -> VoiceEncoder:
    """Return the network, loaded at the first call."""
    return VoiceEncoder("cpu", verbose=False)
