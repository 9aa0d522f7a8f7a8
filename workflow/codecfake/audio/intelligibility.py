"""Objective quality of resynthesised speech: STOI and wideband PESQ."""

import functools
import sys

import numpy as np
import pandas as pd

from codecfake.audio import io as audio

PESQ_SAMPLE_RATE = 16000
PESQ_WORST = 1.0
STOI_FRAME_SECONDS = 0.4
#: Value that pystoi returns, with a warning, if too few frames remain without the silent ones.
STOI_TOO_FEW_FRAMES = 1e-5


def stoi(reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
    """Return the short-time objective intelligibility (Taal et al., 2011) of signals [N] at the same sample rate.

    NaN if the reference has too little speech for one STOI frame (0.4 s).
    """
    from pystoi import stoi as pystoi

    # pystoi raises an error for a very short reference and returns 0 for a silent one
    if len(reference) < STOI_FRAME_SECONDS * sample_rate or not reference.any():
        return float("nan")
    value = float(pystoi(reference, degraded, sample_rate))
    return float("nan") if value == STOI_TOO_FEW_FRAMES else value


@functools.cache
def has_pesq() -> bool:
    """Return whether the optional package pesq can be imported; print a note, once, if it cannot.

    Call this before starting threads: several threads that call it first at the same time each print the note.
    """
    try:
        import pesq  # noqa: F401
    except ImportError:
        print("PESQ is not installed: its values stay empty (to add it: make env PESQ=1)", file=sys.stderr)
        return False
    return True


def pesq_wb(reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
    """Return the wideband PESQ (ITU-T P.862.2) of signals [N].

    NaN if the package pesq is not installed, the reference is silent, or PESQ finds no utterance or only one that is
    too short; the scale's minimum if `degraded` is silent.
    """
    if not has_pesq() or not reference.any():
        return float("nan")
    from pesq import BufferTooShortError, NoUtterancesError, pesq

    if not degraded.any():
        return PESQ_WORST
    reference, degraded = (audio.resample(x, sample_rate, PESQ_SAMPLE_RATE) for x in (reference, degraded))
    try:
        return float(pesq(PESQ_SAMPLE_RATE, reference, degraded, "wb"))
    except (BufferTooShortError, NoUtterancesError):
        return float("nan")


def mean_quality(pairs: list[tuple[np.ndarray, np.ndarray]], sample_rate: int) -> tuple[float, float]:
    """Return mean STOI and PESQ-WB over (reference, degraded) pairs, ignoring undefined values; NaN if all are."""
    # unlike numpy, pandas gives no warning for the mean of no values
    measured = (pd.Series([measure(*pair, sample_rate) for pair in pairs], dtype=float) for measure in (stoi, pesq_wb))
    return tuple(float(values.mean()) for values in measured)
