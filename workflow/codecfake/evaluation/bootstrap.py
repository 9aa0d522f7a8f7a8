"""Paired comparisons of EERs by a bootstrap over speakers, and the resamples for intervals of other statistics.

Trials of one speaker are not independent, so resampling single trials underestimates the variance. Instead, clusters
(speakers) are drawn with replacement, as many as there are, each with all its trials of both classes: the subsets
bootstrap of Bolle, Ratha and Pankanti 2004, "Error analysis of pattern recognition systems—the subsets bootstrap".
Without clusters, single trials are drawn, separately for each class at its size: the usual interval, which is too
narrow for few speakers.

A resample without trials of one class has no EER and is drawn again. The resamples depend on the seed, the sorted
names of the clusters and the scores, but not on the order of trials.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from codecfake.evaluation import metrics
from codecfake.evaluation.clusters import CONFIDENCE, numbered
from codecfake.util.errors import DataError

#: Default number of resamples.
RESAMPLES = 1000
#: Trials × resamples computed at a time, some 40 bytes each (at least one resample).
CHUNK = 250_000


@dataclass(frozen=True)
class Paired:
    """Difference of two detectors' EERs on the same trials (a fraction), its interval, and p for no difference."""

    difference: float
    low: float
    high: float
    p: float


def paired(
    a_bonafide: np.ndarray,
    a_spoof: np.ndarray,
    b_bonafide: np.ndarray,
    b_spoof: np.ndarray,
    bonafide_clusters: np.ndarray | None = None,
    spoof_clusters: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Paired:
    """Compare the EERs of detectors a and b on the same trials, both on the same resamples.

    p = min(1, 2 (1 + k) / (R + 1)): k of the R resamples have a difference on the rarer side of zero, where a
    difference of zero counts on both sides. This is the test that corresponds to the percentile interval (Efron and
    Tibshirani 1993, "An introduction to the bootstrap"); the added one keeps p above zero (Davison and Hinkley 1997,
    "Bootstrap methods and their application").

    Args:
        a_bonafide, b_bonafide, bonafide_clusters: scores of both detectors, and clusters, of the bona fide trials [N].
        a_spoof, b_spoof, spoof_clusters: the same for the spoof trials [M]. Clusters None: single trials.

    Raises:
        DataError: see `metrics.check` and `clusters.numbered`; or the detectors have different numbers of trials.
    """
    bonafide, spoof = [a_bonafide, b_bonafide], [a_spoof, b_spoof]
    a, b = _resampled_eers(bonafide, spoof, bonafide_clusters, spoof_clusters, resamples, seed)
    differences = a - b
    rarer = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return Paired(
        metrics.eer(a_bonafide, a_spoof) - metrics.eer(b_bonafide, b_spoof),
        *interval(differences),
        min(1.0, float(2 * (1 + rarer) / (resamples + 1))),
    )


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust the p values [K] of K tests to control the family-wise error rate (Holm 1979).

    Raises:
        DataError: a p value is outside 0 to 1.
    """
    p_values = np.asarray(p_values, float)
    refused = p_values[~((p_values >= 0) & (p_values <= 1))]
    if len(refused):
        raise DataError(f"a p value is {refused[0]}; allowed: 0 to 1")
    order = np.argsort(p_values)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return np.minimum(adjusted, 1)


def resampled(clusters: int, seed: int) -> np.ndarray:
    """Count how often each cluster is drawn in each resample: int [`RESAMPLES`, clusters].

    Each resample draws `clusters` clusters with replacement. A statistic that is a sum over clusters has in a resample
    the sum of the clusters' values weighted by these counts.
    """
    return _counts(np.random.default_rng(seed), RESAMPLES, clusters)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval of a statistic's values over resamples [R]."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _resampled_eers(
    bonafide: list[np.ndarray],
    spoof: list[np.ndarray],
    bonafide_clusters: np.ndarray | None,
    spoof_clusters: np.ndarray | None,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Return the EERs [D, R] of D detectors on the same resamples of the same trials [N] and [M]."""
    if resamples < 1:
        raise DataError(f"{resamples} resamples; at least one is needed")
    for scores in zip(bonafide, spoof, strict=True):
        metrics.check(*scores)
    _check_same_trials("bonafide", bonafide)
    _check_same_trials("spoof", spoof)
    if bonafide_clusters is None and spoof_clusters is None:
        strata = (len(bonafide[0]), len(spoof[0]))
        cluster = np.append(_ranks(bonafide), strata[0] + _ranks(spoof))
    else:
        cluster = numbered(bonafide[0], spoof[0], bonafide_clusters, spoof_clusters)
        strata = (cluster.max() + 1,)
    is_bonafide = np.arange(len(cluster)) < len(bonafide[0])
    rankings = [_rank(np.append(*scores), is_bonafide, cluster) for scores in zip(bonafide, spoof, strict=True)]
    draws = _draws(is_bonafide, cluster, strata, resamples, seed)
    return np.hstack([[ranking.eers(counts) for ranking in rankings] for counts in draws])


def _check_same_trials(name: str, scores: list[np.ndarray]) -> None:
    for other in scores:
        if len(other) != len(scores[0]):
            raise DataError(
                f"{len(scores[0])} {name} scores but {len(other)} scores of the other detector; "
                "both must be of the same trials"
            )


def _ranks(scores: list[np.ndarray]) -> np.ndarray:
    """Number the trials [N] from 0 by their scores, so that the numbers do not depend on the order of trials."""
    return np.argsort(np.lexsort(scores))


def _draws(
    is_bonafide: np.ndarray, cluster: np.ndarray, strata: tuple[int, ...], resamples: int, seed: int
) -> Iterator[np.ndarray]:
    """Count how often each of C clusters is drawn; yield chunks [r, C] of resamples that have trials of both classes.

    Args:
        is_bonafide, cluster: class and cluster of each trial [N + M].
        strata: sizes of the groups of consecutive clusters that are drawn separately; their sum is C.
    """
    generators = np.random.default_rng(seed).spawn(len(strata))
    trials = np.stack([np.bincount(cluster[one], minlength=sum(strata)) for one in (is_bonafide, ~is_bonafide)], axis=1)
    chunk = max(1, CHUNK // len(cluster))
    left = resamples
    while left:
        drawn = zip(generators, strata, strict=True)
        counts = np.hstack([_counts(random, min(left, chunk), size) for random, size in drawn])
        counts = counts[(counts @ trials > 0).all(axis=1)]
        left -= len(counts)
        yield counts


def _counts(random: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """Count how often each of `size` items is drawn in `size` draws with replacement [rows, size]."""
    drawn = random.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)


@dataclass(frozen=True)
class _Ranking:
    """A detector's trials in ascending order of score, each array [N + M].

    Attributes:
        below, up_to: number of trials with a lower score, and with a lower or equal score.
    """

    is_bonafide: np.ndarray
    cluster: np.ndarray
    below: np.ndarray
    up_to: np.ndarray

    def eers(self, counts: np.ndarray) -> np.ndarray:
        """Return `metrics.eer` [r] if the trials of cluster c occur counts[:, c] times (counts: integers [r, C])."""
        weight = counts[:, self.cluster]
        rejected = _cumulative(weight)
        missed = _cumulative(weight * self.is_bonafide)
        bonafide = missed[:, -1:]
        spoof = rejected[:, -1:] - bonafide
        # (miss rate - false-alarm rate) * bonafide * spoof, in exact integers
        gap = missed * (spoof - bonafide) + (rejected - spoof) * bonafide
        crossing = np.count_nonzero(gap < 0, axis=1) - 1
        row = np.arange(len(counts))
        before, after = (row, self.below[crossing]), (row, self.up_to[crossing])
        share = -gap[before] / (gap[after] - gap[before])
        return (missed[before] + share * (missed[after] - missed[before])) / bonafide[:, 0]


def _rank(scores: np.ndarray, is_bonafide: np.ndarray, cluster: np.ndarray) -> _Ranking:
    order = np.argsort(scores)
    scores = scores[order]
    below, up_to = np.searchsorted(scores, scores, "left"), np.searchsorted(scores, scores, "right")
    return _Ranking(is_bonafide[order], cluster[order], below, up_to)


def _cumulative(weight: np.ndarray) -> np.ndarray:
    """Return the sums [r, n + 1] of the first 0 to n weights."""
    sums = np.zeros((weight.shape[0], weight.shape[1] + 1), dtype=weight.dtype)
    np.cumsum(weight, axis=1, out=sums[:, 1:])
    return sums
