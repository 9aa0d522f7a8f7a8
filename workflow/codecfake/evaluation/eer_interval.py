"""Confidence intervals of the EER that hold for few errors, none included, and for few speakers.

A rate e is in the interval if, at some threshold, miss and false-alarm rate are consistent with it: the score test of
Wilson 1927 ("Probable inference, the law of succession, and statistical inference") for both rates at once, profiled
over the threshold. Without errors the interval of n trials in the smaller class ends at z²/(n + z²), as Wilson's does.

Trials of a speaker are not independent. The test uses the variance of the rates under a model in which scores are
normal, after a monotonic transformation, and those of a speaker correlate: two trials of correlation ρ are both wrong
with probability Φ₂(z, z; ρ), where Φ(z) = e (Plackett 1954, "A reduction formula for normal multivariate integrals").
ρ is the intraclass correlation of the ranked scores, so it is known without errors. The quantile is Student's t with
one degree of freedom less than there are speakers.

In simulation (tests/evaluation/test_eer_interval.py) the intervals cover true EERs of 0.1 to 5 % in at least 93 % of
cases with 3, 10 and 50 speakers whose mean scores differ normally. With 3 speakers they are wide.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata, t

from codecfake.evaluation import metrics
from codecfake.evaluation.clusters import CONFIDENCE, numbered

#: Bisections of each end: exact to 1e-7.
BISECTIONS = 24
#: Maximum correlation: the quadrature fails at 1.
MOST_CORRELATION = 0.98
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


class Clustering(NamedTuple):
    """How trials of one class lie in clusters (speakers).

    Attributes:
        sizes: number of trials of each cluster, [C].
        effects: mean normal score of each cluster, [C]; NaN if it has no trial.
        correlation: intraclass correlation of normal scores, 0 to 1; NaN if it cannot be estimated.
    """

    sizes: np.ndarray
    effects: np.ndarray
    correlation: float


def eer_interval(
    bonafide: np.ndarray,
    spoof: np.ndarray,
    bonafide_clusters: np.ndarray | None = None,
    spoof_clusters: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the 95 % interval of `metrics.eer` (fractions), which always contains it.

    Args:
        bonafide, spoof: scores [N] and [M].
        bonafide_clusters, spoof_clusters: cluster of each trial, e.g. its speaker, [N] and [M]; None if trials are
            independent.

    Raises:
        DataError: see `metrics.check`; or trials and clusters differ in number, or there are fewer than two clusters.
    """
    metrics.check(bonafide, spoof)
    tail = (1 + CONFIDENCE) / 2
    if bonafide_clusters is None and spoof_clusters is None:
        classes = [Clustering(np.ones(len(scores)), np.zeros(0), 0.0) for scores in (bonafide, spoof)]
        shared, most = 0.0, norm.ppf(tail)
    else:
        cluster = numbered(bonafide, spoof, bonafide_clusters, spoof_clusters)
        count = int(cluster.max()) + 1
        # the errors of bona fide are at its low scores, those of spoof at its high ones
        parts = np.split(cluster, [len(bonafide)])
        classes = _with_correlations(_clustering(bonafide, parts[0], count), _clustering(-spoof, parts[1], count))
        shared, most = _shared_correlation(*classes), t.ppf(tail, count - 1)
    test = _Test(metrics.det_curve(bonafide, spoof), classes, shared, float(most))
    eer = metrics.eer(bonafide, spoof)
    return test.end(eer, 0.0), test.end(eer, 1.0)


def _clustering(scores: np.ndarray, cluster: np.ndarray, count: int) -> Clustering:
    """Estimate the intraclass correlation by one-way analysis of variance of the normal scores."""
    normal = norm.ppf((rankdata(scores) - 0.5) / len(scores))
    sizes = np.bincount(cluster, minlength=count)
    with np.errstate(invalid="ignore"):
        effects = np.bincount(cluster, normal, minlength=count) / sizes
    groups, trials = np.count_nonzero(sizes), len(scores)
    if groups == 1:
        return Clustering(sizes, effects, np.nan)
    if groups == trials:
        return Clustering(sizes, effects, 0.0)
    within = np.sum((normal - effects[cluster]) ** 2) / (trials - groups)
    between = np.nansum(sizes * (effects - normal.mean()) ** 2) / (groups - 1)
    size = (trials - np.sum(sizes**2) / trials) / (groups - 1)
    excess = (between - within) / size
    correlation = min(excess / (excess + within), MOST_CORRELATION) if excess > 0 else 0.0
    return Clustering(sizes, effects, correlation)


def _with_correlations(*classes: Clustering) -> list[Clustering]:
    """Replace an unknown correlation by that of the other class or, if both are unknown, by the maximum."""
    known = [one.correlation for one in classes if not np.isnan(one.correlation)]
    unknown = known[0] if known else MOST_CORRELATION
    return [one._replace(correlation=unknown) if np.isnan(one.correlation) else one for one in classes]


def _shared_correlation(bonafide: Clustering, spoof: Clustering) -> float:
    """Return the correlation of a bona fide and a spoof trial of one speaker, if one is wrong where the other is.

    A negative one would narrow the interval; it counts as none.
    """
    both = (bonafide.sizes > 0) & (spoof.sizes > 0)
    if np.count_nonzero(both) < 3:
        return 0.0
    covariance = np.cov(bonafide.effects[both], spoof.effects[both])[0, 1]
    return float(np.clip(covariance, 0, np.sqrt(bonafide.correlation * spoof.correlation)))


def joint_excess(rate: float, correlation: float) -> float:
    """Return P(two trials are wrong) - rate², if each is wrong at the given rate: ∫ φ₂(z, z; r) dr from 0 to ρ."""
    z, r = norm.ppf(rate), correlation * (NODES + 1) / 2
    density = np.exp(-(z**2) / (1 + r)) / (2 * np.pi * np.sqrt(1 - r**2))
    return float(density @ WEIGHTS) * correlation / 2


class _Test:
    """The score test of a rate.

    Args:
        curve: miss and false-alarm rate by threshold, `metrics.det_curve`.
        classes: clustering of bona fide and spoof trials, with known correlations.
        shared: correlation of a bona fide and a spoof trial of one cluster.
        most: maximum distance, in standard deviations, of rates consistent with the tested one.
    """

    def __init__(self, curve: metrics.Curve, classes: list[Clustering], shared: float, most: float):
        self.curve, self.classes, self.shared, self.most = curve, classes, shared, most

    def end(self, inside: float, outside: float) -> float:
        """Return the last rate from `inside` to `outside` that is consistent with the data."""
        for _ in range(BISECTIONS if inside != outside else 0):
            middle = (inside + outside) / 2
            if self.accepts(middle):
                inside = middle
            else:
                outside = middle
        return float(inside)

    def accepts(self, rate: float) -> bool:
        """Return whether, at some threshold, both error rates are consistent with `rate`."""
        deviations, correlation = self.spread(rate)
        x, y = ((rates - rate) / deviation for rates, deviation in zip(self.curve, deviations, strict=True))
        # only points of the curve with both rates near the tested one, and their neighbours, can be within `most`
        first, end = np.searchsorted(x, -self.most) - 1, np.searchsorted(-y, self.most, "right") + 1
        first = max(first, np.searchsorted(-y, -self.most) - 1, 0)
        end = min(end, np.searchsorted(x, self.most, "right") + 1)
        if end - first < 2:
            return False
        x, y = x[first:end], y[first:end]
        y = (y - correlation * x) / np.sqrt(1 - correlation**2)
        dx, dy = np.diff(x), np.diff(y)
        share = np.clip(-(x[:-1] * dx + y[:-1] * dy) / (dx**2 + dy**2), 0, 1)
        return bool(np.hypot(x[:-1] + share * dx, y[:-1] + share * dy).min() <= self.most)

    def spread(self, rate: float) -> tuple[list[float], float]:
        """Return the standard deviations of both error rates if `rate` is true, and their correlation."""
        trials = [one.sizes.sum() for one in self.classes]
        deviations = [
            np.sqrt((rate * (1 - rate) + (np.sum(one.sizes**2) / n - 1) * joint_excess(rate, one.correlation)) / n)
            for one, n in zip(self.classes, trials, strict=True)
        ]
        if not self.shared:
            return deviations, 0.0
        pairs = np.sum(self.classes[0].sizes * self.classes[1].sizes) / np.prod(trials)
        correlation = pairs * joint_excess(rate, self.shared) / np.prod(deviations)
        return deviations, min(float(correlation), MOST_CORRELATION)
