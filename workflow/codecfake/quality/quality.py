"""Objective quality of resynthesised speech: STOI and wideband PESQ."""

from dataclasses import dataclass

import numpy as np

from codecfake import audio

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


def pesq_wb(reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
    """Wideband PESQ (ITU-T P.862.2) of signals [N].

    NaN where PESQ finds no utterance, or too short a one; the scale's bottom where nothing came out.
    """
    from pesq import BufferTooShortError, NoUtterancesError, pesq

    if not reference.any():
        return float("nan")
    if not degraded.any():
        return PESQ_WORST
    reference, degraded = (audio.resample(x, sample_rate, PESQ_SAMPLE_RATE) for x in (reference, degraded))
    try:
        return float(pesq(PESQ_SAMPLE_RATE, reference, degraded, "wb"))
    except (BufferTooShortError, NoUtterancesError):
        return float("nan")


def mean_quality(pairs: list[tuple[np.ndarray, np.ndarray]], sample_rate: int) -> MeanQuality:
    """Mean STOI and PESQ-WB over (reference, degraded) pairs, leaving out what is undefined."""
    stois = [stoi(reference, degraded, sample_rate) for reference, degraded in pairs]
    pesqs = [pesq_wb(reference, degraded, sample_rate) for reference, degraded in pairs]
    return MeanQuality(float(np.nanmean(stois)), float(np.nanmean(pesqs)), len(pairs))
