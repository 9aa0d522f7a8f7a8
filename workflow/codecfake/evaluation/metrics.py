"""Error rates and costs of a detector, from its CM scores (higher = more bona fide).

A trial is accepted as bona fide if its score is at or above the threshold; equal scores share one threshold,
so ties cannot be split. Every function takes the scores of both classes, bona fide [N] and spoof [M], and
raises DataError if a class is empty or a score is not finite.

`act_dcf` and `cllr` take scores as log-likelihood ratios (natural logarithm) and so measure calibration too;
the others depend on the order of scores alone.

DCF and its parameters are those of ASVspoof 5 (Wang et al. 2024, "ASVspoof 5: Crowdsourced speech data, deepfakes,
and adversarial attacks at scale"). On the same scores its evaluation package gives the same DCFs, and the same Cllr
but for scores beyond about 700 on the wrong side, where it overflows. Its EER differs: it is the mean of both errors
at the point of the DET curve nearest to equal errors, where ours is the crossing itself. Without ties the two are
apart by at most a quarter of a trial of the smaller class. Among equal scores it rejects bona fide before spoof, so
that ties at the crossing raise its EER, to 1 if all scores are equal. The threshold that it returns is the highest
score it counts as rejected, ours is above that.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import rel_entr

from codecfake.util.errors import DataError

#: Miss and false-alarm rates, see `det_curve`.
Curve = tuple[np.ndarray, np.ndarray]
#: The detection cost of ASVspoof 5: prior of spoofed trials, cost of a miss, cost of a false alarm.
P_SPOOF = 0.05
C_MISS = 1
C_FALSE_ALARM = 10
#: Cost of rejecting all trials, and of accepting all.
_COST_OF_REJECTING, _COST_OF_ACCEPTING = C_MISS * (1 - P_SPOOF), C_FALSE_ALARM * P_SPOOF
#: Threshold that costs least if scores are log-likelihood ratios.
DCF_THRESHOLD = -float(np.log(_COST_OF_REJECTING / _COST_OF_ACCEPTING))


def check(bonafide: np.ndarray, spoof: np.ndarray) -> None:
    """Refuse scores that have no error rate.

    Raises:
        DataError: a class is empty or a score is not finite.
    """
    for name, scores in (("bonafide", bonafide), ("spoof", spoof)):
        if len(scores) == 0:
            raise DataError(f"no {name} scores; an error rate needs both classes")
        if not np.isfinite(scores).all():
            raise DataError(f"a {name} score is {scores[~np.isfinite(scores)][0]}; only finite scores are allowed")


def det_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Miss and false-alarm rates at every threshold, from accepting all to accepting none.

    Returns:
        (miss [K + 1], false_alarm [K + 1]) for K distinct scores: the fraction of bona fide rejected, rising
        from 0 to 1, and of spoof accepted, falling from 1 to 0.

    Raises:
        DataError: see `check`.
    """
    _, miss, false_alarm = _scores_and_curve(bonafide, spoof)
    return miss, false_alarm


def _scores_and_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct scores [K], rising, and the DET curve: its point k rejects the k lowest of them."""
    check(bonafide, spoof)
    scores = np.concatenate([np.sort(bonafide), np.sort(spoof)])
    # stable: merges the two sorted runs in linear time
    order = np.argsort(scores, kind="stable")
    scores = scores[order]
    last_of_ties = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    rejected_bonafide = np.cumsum(order < len(bonafide))[last_of_ties]
    accepted_spoof = len(spoof) - (last_of_ties + 1 - rejected_bonafide)
    miss = np.append(0, rejected_bonafide / len(bonafide))
    false_alarm = np.append(1, accepted_spoof / len(spoof))
    return scores[last_of_ties], miss, false_alarm


def eer(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Equal error rate (a fraction): where miss and false-alarm rate cross.

    The crossing is found on the straight line between the two neighbouring points of the DET curve.
    A detector that ranks the wrong way round has an EER above 0.5; it is not flipped.

    Raises:
        DataError: see `check`.
    """
    return _eer(*det_curve(bonafide, spoof))


def _eer(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    gap = miss - false_alarm
    after = int(np.argmax(gap >= 0))
    if gap[after] == 0:
        return float(miss[after])
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(miss[before] + share * (miss[after] - miss[before]))


def eer_threshold(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """The threshold to carry over to other trials, for `errors_at`: that of nearly equal errors on these.

    It is at the point of the DET curve where miss and false-alarm rate differ least (of two such points, the
    lower threshold), halfway between the highest score it rejects and the lowest it accepts. If all scores are
    equal, it is that score.

    Raises:
        DataError: see `check`.
    """
    scores, miss, false_alarm = _scores_and_curve(bonafide, spoof)
    rejected = int(np.argmin(np.abs(miss - false_alarm)))
    accepted_score = float(scores[rejected])
    if rejected == 0:
        return accepted_score
    rejected_score = float(scores[rejected - 1])
    middle = rejected_score / 2 + accepted_score / 2
    # between neighbouring floats there is no middle
    return middle if middle > rejected_score else accepted_score


def errors_at(bonafide: np.ndarray, spoof: np.ndarray, threshold: float) -> tuple[float, float]:
    """Miss and false-alarm rate (fractions) if trials with a score >= `threshold` are accepted.

    Raises:
        DataError: see `check`; or the threshold is NaN.
    """
    check(bonafide, spoof)
    if np.isnan(threshold):
        raise DataError("the threshold is nan; a number is needed")
    # a float32 score would round a threshold given as float to its own precision
    threshold = np.float64(threshold)
    return float(np.mean(bonafide < threshold)), float(np.mean(spoof >= threshold))


def _dcf(miss: np.ndarray | float, false_alarm: np.ndarray | float) -> np.ndarray | float:
    """Detection cost over that of the better of the two decisions that need no detector."""
    cost = _COST_OF_REJECTING * miss + _COST_OF_ACCEPTING * false_alarm
    return cost / min(_COST_OF_REJECTING, _COST_OF_ACCEPTING)


def min_dcf(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Normalised detection cost at the threshold that is best on these very trials, from 0 to 1.

    Raises:
        DataError: see `check`.
    """
    return _min_dcf(*det_curve(bonafide, spoof))


def _min_dcf(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    return float(_dcf(miss, false_alarm).min())


def act_dcf(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Normalised detection cost at `DCF_THRESHOLD`; above 1, the detector is worse than none.

    Raises:
        DataError: see `check`.
    """
    return float(_dcf(*errors_at(bonafide, spoof, DCF_THRESHOLD)))


def cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Cost of log-likelihood ratios in bits, both classes weighted alike; 1 is a detector that says nothing.

    Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection".

    Raises:
        DataError: see `check`.
    """
    check(bonafide, spoof)
    nats = np.logaddexp(0, -np.asarray(bonafide, float)).mean() + np.logaddexp(0, np.asarray(spoof, float)).mean()
    return float(nats / (2 * np.log(2)))


def min_cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Cllr in bits after the best rising map of scores to log-likelihood ratios, from 0 to 1.

    The map is by pool adjacent violators (Brümmer and du Preez 2006): it gives each pool of scores the ratio of
    the two classes' shares in it. Equal scores stay together. Nothing is smoothed: a pool of one class alone has
    an infinite ratio and costs nothing.

    Raises:
        DataError: see `check`.
    """
    return _min_cllr(*det_curve(bonafide, spoof))


def _min_cllr(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    bonafide, spoof = np.diff(miss), -np.diff(false_alarm)
    both = bonafide + spoof
    pools = isotonic_regression(bonafide / both, weights=both).blocks
    bonafide, spoof = np.diff(miss[pools]), -np.diff(false_alarm[pools])
    both = bonafide + spoof
    nats = abs((rel_entr(bonafide, both) + rel_entr(spoof, both)).sum())
    return float(nats / (2 * np.log(2)))


def auc(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a bona fide trial scores above a spoof one, half if they tie.

    Raises:
        DataError: see `check`.
    """
    return _auc(*det_curve(bonafide, spoof))


def _auc(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    return float(1 - np.trapezoid(false_alarm, miss))


class Metric(NamedTuple):
    """A figure beside the EER: a column of `metrics.tsv`, of the report and of `codecfake evaluate`.

    Attributes:
        name: of the column.
        of: gives it, from the scores of bona fide speech and of spoof, and their DET curve (see `det_curve`).
        heading: in the report.
        most: the highest value there can be.
    """

    name: str
    of: Callable[[np.ndarray, np.ndarray, Curve], float]
    heading: str
    description: str
    most: float = np.inf


#: Each is no lower than 0.
METRICS = (
    Metric("auc", lambda bonafide, spoof, curve: _auc(*curve), "AUC", "area under the ROC curve", 1),
    Metric(
        "min_dcf",
        lambda bonafide, spoof, curve: _min_dcf(*curve),
        "min DCF",
        "normalised detection cost of ASVspoof 5 at the best threshold",
    ),
    Metric(
        "act_dcf",
        lambda bonafide, spoof, curve: act_dcf(bonafide, spoof),
        "act DCF",
        "the same at the threshold for log-likelihood ratios",
    ),
    Metric(
        "cllr",
        lambda bonafide, spoof, curve: cllr(bonafide, spoof),
        "Cllr",
        "bits, of the scores as log-likelihood ratios",
    ),
    Metric(
        "min_cllr",
        lambda bonafide, spoof, curve: _min_cllr(*curve),
        "min Cllr",
        "bits, after the best calibration",
    ),
)


def summary(bonafide: np.ndarray, spoof: np.ndarray) -> dict[str, float]:
    """The EER and every other metric, by name; the scores are sorted once.

    Raises:
        DataError: see `check`.
    """
    curve = det_curve(bonafide, spoof)
    return {"eer": _eer(*curve)} | {metric.name: metric.of(bonafide, spoof, curve) for metric in METRICS}
