"""Objective quality of resynthesised speech: STOI and wideband PESQ."""

import functools
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

from codecfake.audio import io as audio

PESQ_SAMPLE_RATE = 16000
PESQ_WORST = 1.0
STOI_FRAME_SECONDS = 0.4
#: What pystoi gives, with a warning, where too little is left without the silent frames.
STOI_TOO_FEW_FRAMES = 1e-5


@dataclass(frozen=True)
class MeanQuality:
    """Means over utterances: `stoi` in [-1, 1], `pesq_wb` in MOS-LQO [1.0, 4.64]."""

    stoi: float
    pesq_wb: float
    utterances: int


def stoi(reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
    """Short-time objective intelligibility (Taal et al., 2011) of signals [N] at one rate.

    NaN where the reference has too little speech for one STOI frame (0.4 s).
    """
    from pystoi import stoi as pystoi

    # pystoi raises on a very short reference and calls a silent one 0
    if len(reference) < STOI_FRAME_SECONDS * sample_rate or not reference.any():
        return float("nan")
    value = float(pystoi(reference, degraded, sample_rate))
    return float("nan") if value == STOI_TOO_FEW_FRAMES else value


@functools.cache
def has_pesq() -> bool:
    """Whether the package pesq, which is optional, can be imported; that it cannot is said once.

    Ask before starting threads: several that ask first at the same time say it several times.
    """
    try:
        import pesq  # noqa: F401
    except ImportError:
        print("PESQ is not installed: its values stay empty (to add it: make env PESQ=1)", file=sys.stderr)
        return False
    return True


def pesq_wb(reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
    """Wideband PESQ (ITU-T P.862.2) of signals [N].

    NaN where PESQ finds no utterance, or too short a one, or is not installed; the scale's bottom where nothing came
    out.
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


def mean_quality(pairs: list[tuple[np.ndarray, np.ndarray]], sample_rate: int) -> MeanQuality:
    """Mean STOI and PESQ-WB over (reference, degraded) pairs, leaving out what is undefined; NaN if all is."""
    means = [
        # unlike numpy's, without a warning if there is nothing
        float(pd.Series([measure(*pair, sample_rate) for pair in pairs], dtype=float).mean())
        for measure in (stoi, pesq_wb)
    ]
    return MeanQuality(*means, len(pairs))
