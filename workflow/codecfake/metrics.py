"""Error rates of a detector, from its CM scores (higher = more bona fide)."""

import numpy as np

from codecfake.errors import DataError


def det_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Miss and false-alarm rates at every threshold, from accepting all to accepting none.

    A trial is accepted as bona fide if its score is at or above the threshold; equal scores share one
    threshold, so ties cannot be split.

    Args:
        bonafide, spoof: scores [N] and [M].

    Returns:
        (miss [K], false_alarm [K]): the fraction of bona fide rejected, rising from 0 to 1, and of spoof
        accepted, falling from 1 to 0.

    Raises:
        DataError: a class is empty or a score is not finite.
    """
    for name, scores in (("bonafide", bonafide), ("spoof", spoof)):
        if len(scores) == 0:
            raise DataError(f"no {name} scores; an error rate needs both classes")
        if not np.isfinite(scores).all():
            raise DataError(f"a {name} score is {scores[~np.isfinite(scores)][0]}; only finite scores are allowed")
    thresholds = np.append(np.unique(np.concatenate([bonafide, spoof])), np.inf)
    miss = np.searchsorted(np.sort(bonafide), thresholds, side="left") / len(bonafide)
    false_alarm = 1 - np.searchsorted(np.sort(spoof), thresholds, side="left") / len(spoof)
    return miss, false_alarm


def eer(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Equal error rate (a fraction): where miss and false-alarm rate cross.

    The crossing is found on the straight line between the two neighbouring points of the DET curve.
    A detector that ranks the wrong way round has an EER above 0.5; it is not flipped.

    Raises:
        DataError: see `det_curve`.
    """
    miss, false_alarm = det_curve(bonafide, spoof)
    gap = miss - false_alarm
    after = int(np.argmax(gap >= 0))
    if gap[after] == 0:
        return float(miss[after])
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(miss[before] + share * (miss[after] - miss[before]))
