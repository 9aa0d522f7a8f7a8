"""Error rates and costs of a detector, from its CM scores (higher = more bona fide).

A trial is accepted as bona fide if its score is at or above the threshold; a threshold cannot separate equal
scores. Every function takes the scores of both classes, bona fide [N] and spoof [M], and raises DataError if a
class is empty or a score is not finite.

`act_dcf` and `cllr` interpret scores as log-likelihood ratios (natural logarithm) and so also measure calibration;
the other metrics depend only on the order of the scores.

DCF and its parameters are those of ASVspoof 5 (Wang et al. 2024, "ASVspoof 5: Crowdsourced speech data, deepfakes,
and adversarial attacks at scale"). On the same scores its evaluation package gives the same DCFs, and the same Cllr
except for scores beyond about 700 on the wrong side, where it overflows. Its EER differs: it is the mean of both
error rates at the point of the DET curve nearest to equal rates; here it is the crossing itself. Without ties the
two differ by at most a quarter of a trial of the smaller class. Among equal scores the package rejects bona fide
before spoof, so that ties at the crossing raise its EER, up to 1 if all scores are equal. The package's threshold is
the highest rejected score; here the threshold is above it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import rel_entr

from codecfake.util.errors import DataError

#: Miss and false-alarm rates; see `det_curve`.
Curve = tuple[np.ndarray, np.ndarray]
#: Parameters of the ASVspoof 5 detection cost: prior of spoof trials, cost of a miss, cost of a false alarm.
P_SPOOF = 0.05
C_MISS = 1
C_FALSE_ALARM = 10
#: Costs of rejecting all trials and of accepting all trials.
_COST_OF_REJECTING, _COST_OF_ACCEPTING = C_MISS * (1 - P_SPOOF), C_FALSE_ALARM * P_SPOOF
#: Bayes threshold: it minimises the expected cost if scores are log-likelihood ratios.
DCF_THRESHOLD = -float(np.log(_COST_OF_REJECTING / _COST_OF_ACCEPTING))


def check(bonafide: np.ndarray, spoof: np.ndarray) -> None:
    """Refuse scores for which error rates are undefined.

    Raises:
        DataError: a class is empty or a score is not finite.
    """
    for name, scores in (("bonafide", bonafide), ("spoof", spoof)):
        if len(scores) == 0:
            raise DataError(f"no {name} scores; an error rate needs both classes")
        if not np.isfinite(scores).all():
            raise DataError(f"a {name} score is {scores[~np.isfinite(scores)][0]}; only finite scores are allowed")


def det_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute miss and false-alarm rates at every threshold, from accepting all trials to accepting none.

    Returns:
        (miss [K + 1], false_alarm [K + 1]) for K distinct scores: the fraction of bona fide trials rejected, rising
        from 0 to 1, and of spoof trials accepted, falling from 1 to 0.
    """
    _, miss, false_alarm = _scores_and_curve(bonafide, spoof)
    return miss, false_alarm


def _scores_and_curve(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct scores [K] in ascending order, and the DET curve; its point k rejects the k lowest scores."""
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
    """Return the equal error rate (a fraction), at which miss and false-alarm rate cross.

    The crossing is interpolated linearly between the two neighbouring points of the DET curve.
    A detector that ranks spoof above bona fide has an EER above 0.5; it is not inverted.
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
    """Return the EER threshold of these trials, to be applied to other trials with `errors_at`.

    At the point of the DET curve where miss and false-alarm rate differ least (of two such points, the one with the
    lower threshold), it is halfway between the highest rejected and the lowest accepted score. If all scores are
    equal, it is that score.
    """
    scores, miss, false_alarm = _scores_and_curve(bonafide, spoof)
    rejected = int(np.argmin(np.abs(miss - false_alarm)))
    accepted_score = float(scores[rejected])
    if rejected == 0:
        return accepted_score
    rejected_score = float(scores[rejected - 1])
    middle = rejected_score / 2 + accepted_score / 2
    # neighbouring floats have no midpoint
    return middle if middle > rejected_score else accepted_score


def errors_at(bonafide: np.ndarray, spoof: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return miss and false-alarm rate (fractions) if trials with a score >= `threshold` are accepted.

    Raises:
        DataError: see `check`; or the threshold is NaN.
    """
    check(bonafide, spoof)
    if np.isnan(threshold):
        raise DataError("the threshold is nan; a number is needed")
    # comparison with float32 scores would round a Python float to float32
    threshold = np.float64(threshold)
    return float(np.mean(bonafide < threshold)), float(np.mean(spoof >= threshold))


def _dcf(miss: np.ndarray | float, false_alarm: np.ndarray | float) -> np.ndarray | float:
    """Return the detection cost, normalised by the lower of the costs of accepting all and rejecting all trials."""
    cost = _COST_OF_REJECTING * miss + _COST_OF_ACCEPTING * false_alarm
    return cost / min(_COST_OF_REJECTING, _COST_OF_ACCEPTING)


def _min_dcf(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    """Return the normalised detection cost at the optimal threshold of the given trials, from 0 to 1."""
    return float(_dcf(miss, false_alarm).min())


def act_dcf(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Return the normalised detection cost at `DCF_THRESHOLD`; above 1, the detector is worse than no detector."""
    return float(_dcf(*errors_at(bonafide, spoof, DCF_THRESHOLD)))


def cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Return the cost of log-likelihood ratios (Cllr) in bits, both classes weighted equally; 1 if all ratios are 1.

    Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection".
    """
    check(bonafide, spoof)
    nats = np.logaddexp(0, -np.asarray(bonafide, float)).mean() + np.logaddexp(0, np.asarray(spoof, float)).mean()
    return float(nats / (2 * np.log(2)))


def _min_cllr(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    """Return the Cllr in bits after the optimal monotonic map of scores to log-likelihood ratios, from 0 to 1.

    The map is found by pool adjacent violators (Brümmer and du Preez 2006): the likelihood ratio of a pool of scores
    is the ratio of the two classes' shares in it. Equal scores share a pool. There is no smoothing: a pool of a
    single class has an infinite log-likelihood ratio and no cost.
    """
    bonafide, spoof = np.diff(miss), -np.diff(false_alarm)
    both = bonafide + spoof
    pools = isotonic_regression(bonafide / both, weights=both).blocks
    bonafide, spoof = np.diff(miss[pools]), -np.diff(false_alarm[pools])
    both = bonafide + spoof
    nats = abs((rel_entr(bonafide, both) + rel_entr(spoof, both)).sum())
    return float(nats / (2 * np.log(2)))


def auc(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Return the area under the ROC curve: P(bona fide score > spoof score), where a tie counts half."""
    return _auc(*det_curve(bonafide, spoof))


def _auc(miss: np.ndarray, false_alarm: np.ndarray) -> float:
    return float(1 - np.trapezoid(false_alarm, miss))


class Metric(NamedTuple):
    """A metric in addition to the EER: a column of `metrics.tsv`, of the report and of `codecfake evaluate`.

    Attributes:
        name: name of the column.
        of: function of the bona fide scores, the spoof scores and their DET curve (see `det_curve`).
        heading: heading in the report.
        most: highest possible value.
    """

    name: str
    of: Callable[[np.ndarray, np.ndarray, Curve], float]
    heading: str
    description: str
    most: float = np.inf


#: All metrics are at least 0.
METRICS = (
    Metric("auc", lambda bonafide, spoof, curve: _auc(*curve), "AUC", "area under the ROC curve", 1),
    Metric(
        "min_dcf",
        lambda bonafide, spoof, curve: _min_dcf(*curve),
        "min DCF",
        "normalised detection cost of ASVspoof 5 at the optimal threshold",
    ),
    Metric(
        "act_dcf",
        lambda bonafide, spoof, curve: act_dcf(bonafide, spoof),
        "act DCF",
        "normalised detection cost at the threshold for log-likelihood ratios",
    ),
    Metric(
        "cllr",
        lambda bonafide, spoof, curve: cllr(bonafide, spoof),
        "Cllr",
        "cost of the scores as log-likelihood ratios, in bits",
    ),
    Metric(
        "min_cllr",
        lambda bonafide, spoof, curve: _min_cllr(*curve),
        "min Cllr",
        "Cllr after optimal calibration, in bits",
    ),
)


def summary(bonafide: np.ndarray, spoof: np.ndarray) -> dict[str, float]:
    """Compute the EER and every other metric by name; the scores are sorted only once."""
    curve = det_curve(bonafide, spoof)
    return {"eer": _eer(*curve)} | {metric.name: metric.of(bonafide, spoof, curve) for metric in METRICS}
