"""Intervals of the EER: closed forms, simulated coverage at small rates and few speakers, unusual clusters."""

import time

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from codecfake.evaluation import metrics
from codecfake.evaluation.eer_interval import eer_interval, joint_excess
from codecfake.util.errors import DataError

Z2 = norm.ppf(0.975) ** 2


def drawn(
    random: np.random.Generator, speakers: int, each: int, eer: float, effect: float, kind: str = "independent"
) -> tuple[np.ndarray, ...]:
    """Draw bona fide and spoof scores with a true EER, with their speakers.

    The variance within a speaker is 1. Speaker means have standard deviation `effect`: `independent` in both classes,
    `shift` equally in both, or `difficulty`, such that a speaker with many misses has many false alarms.
    """
    speaker = np.repeat(np.arange(speakers), each)
    half = -norm.ppf(eer) * np.hypot(1, effect)
    means = random.normal(0, effect, (2, speakers))
    if kind != "independent":
        means[1] = means[0] if kind == "shift" else -means[0]
    bonafide, spoof = (
        mean[speaker] + side * half + random.normal(size=len(speaker))
        for mean, side in zip(means, (1, -1), strict=True)
    )
    return bonafide, spoof, speaker, speaker


@pytest.mark.parametrize(("bonafide", "spoof"), [(50, 50), (50, 400), (400, 50)])
def test_interval_without_errors_is_that_of_wilson_for_the_smaller_class(bonafide, spoof):
    low, high = eer_interval(np.linspace(1, 2, bonafide), np.linspace(-2, -1, spoof))
    smaller = min(bonafide, spoof)
    assert (low, high) == pytest.approx((0, Z2 / (smaller + Z2)), abs=1e-6)


def test_interval_of_a_fixed_threshold_is_that_of_wilson():
    """Two scores only: one threshold between them, at which both rates are 10 of 100."""
    scores = np.repeat([0.0, 1.0], [10, 90])
    low, high = eer_interval(scores, 1 - scores)
    # both rates have the same deviation: the test is that of 200 trials, and the curve has no nearer point
    n, p = 200, 0.1
    centre, half = p + Z2 / (2 * n), np.sqrt(Z2 * (p * (1 - p) / n + Z2 / (4 * n**2)))
    wilson = ((centre - half) / (1 + Z2 / n), (centre + half) / (1 + Z2 / n))
    assert (low, high) == pytest.approx(wilson, abs=0.02)
    assert low < 0.1 < high


def test_equal_scores_have_the_interval_of_chance():
    low, high = eer_interval(np.zeros(100), np.zeros(100))
    assert 0.3 < low < 0.5 < high < 0.7
    assert low + high == pytest.approx(1, abs=1e-6)


def test_inverted_scores_have_the_mirrored_interval():
    bonafide, spoof, *clusters = drawn(np.random.default_rng(1), 10, 20, 0.05, 0.5)
    low, high = eer_interval(bonafide, spoof, *clusters)
    assert eer_interval(-bonafide, -spoof, *clusters) == pytest.approx((1 - high, 1 - low), abs=1e-6)


@pytest.mark.parametrize("rate", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.9])
def test_joint_excess_equals_the_bivariate_normal_distribution(rate, correlation):
    joint = multivariate_normal(cov=[[1, correlation], [correlation, 1]]).cdf([norm.ppf(rate)] * 2)
    assert joint_excess(rate, correlation) == pytest.approx(joint - rate**2, abs=2e-6)


def coverage(speakers: int, each: int, eer: float, effect: float, kind: str, clustered: bool = True) -> float:
    random = np.random.default_rng([speakers, each, int(1000 * eer)])
    repetitions, covered = 200, 0
    for _ in range(repetitions):
        trials = drawn(random, speakers, each, eer, effect, kind)
        low, high = eer_interval(*(trials if clustered else trials[:2]))
        covered += low <= eer <= high
    return covered / repetitions


@pytest.mark.parametrize(("speakers", "each"), [(3, 60), (10, 30), (50, 10)])
@pytest.mark.parametrize("eer", [0.001, 0.01, 0.05])
@pytest.mark.parametrize(("effect", "kind"), [(0, "independent"), (0.5, "shift"), (1, "difficulty")])
def test_interval_covers_small_rates_with_few_speakers(speakers, each, eer, effect, kind):
    # 93 %, less 1.5 standard deviations of 200 repetitions
    assert coverage(speakers, each, eer, effect, kind) >= 0.93 - 1.5 * np.sqrt(0.93 * 0.07 / 200)


@pytest.mark.parametrize("eer", [0.1, 0.3])
def test_interval_is_not_wider_than_needed_for_many_speakers(eer):
    assert 0.92 <= coverage(60, 10, eer, 0, "independent") <= 0.99
    assert 0.92 <= coverage(60, 10, eer, 0, "independent", clustered=False) <= 0.99


def test_interval_by_trials_does_not_cover_differences_of_speakers():
    assert coverage(40, 20, 0.1, 1, "difficulty", clustered=False) < 0.8


def test_interval_contains_the_eer_and_is_wider_by_speaker():
    trials = drawn(np.random.default_rng(2), 20, 40, 0.1, 0.7)
    low, high = eer_interval(*trials)
    plain_low, plain_high = eer_interval(*trials[:2])
    assert low < plain_low < metrics.eer(*trials[:2]) < plain_high < high


def test_interval_depends_neither_on_trial_order_nor_on_the_scale_of_scores_nor_on_names():
    bonafide, spoof, *clusters = drawn(np.random.default_rng(3), 10, 20, 0.05, 0.5)
    expected = eer_interval(bonafide, spoof, *clusters)
    order, other = (np.random.default_rng(4).permutation(len(scores)) for scores in (bonafide, spoof))
    moved = (np.exp(bonafide[order]), np.exp(spoof[other]), clusters[0][order], clusters[1][other])
    assert eer_interval(*moved) == pytest.approx(expected, abs=1e-8)
    names = [np.array([f"p{speaker:03}" for speaker in of_class], object) for of_class in clusters]
    assert eer_interval(bonafide, spoof, *names) == expected


@pytest.mark.parametrize(
    ("of_bonafide", "of_spoof"),
    [
        (np.arange(40), np.arange(40)),  # a trial per speaker
        (np.repeat([0, 1], 20), np.repeat([2, 3], 20)),  # no speaker in both classes
        (np.zeros(40), np.ones(40)),  # one speaker per class
        (np.zeros(40), np.repeat([0, 1], 20)),  # one speaker in a class
    ],
)
def test_interval_of_unusual_clusters_contains_the_eer(of_bonafide, of_spoof):
    bonafide, spoof, *_ = drawn(np.random.default_rng(5), 40, 1, 0.1, 0)
    low, high = eer_interval(bonafide, spoof, of_bonafide, of_spoof)
    assert 0 <= low <= metrics.eer(bonafide, spoof) <= high <= 1
    assert high - low > 0.05


def test_interval_of_one_trial_per_class_is_wide():
    assert eer_interval(np.array([1.0]), np.array([0.0])) == pytest.approx((0, Z2 / (1 + Z2)), abs=1e-6)


TWO, THREE = np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.array([]), TWO), "no bonafide scores"),
        ((TWO, np.array([0, np.nan])), "a spoof score is nan"),
        ((TWO, THREE, TWO), "clusters of one class only"),
        ((TWO, THREE, None, THREE), "clusters of one class only"),
        ((TWO, THREE, THREE, THREE), "2 bonafide scores but 3 clusters"),
        ((TWO, THREE, TWO, np.array([1.0])), "3 spoof scores but 1 clusters"),
        ((TWO, THREE, np.array(["p225"] * 2), np.array(["p225"] * 3)), "all trials are of cluster p225"),
    ],
)
def test_input_without_interval_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        eer_interval(*given)


def test_hundred_thousand_trials_take_less_than_three_seconds():
    trials = drawn(np.random.default_rng(0), 100, 1000, 0.05, 0.5)
    start = time.process_time()
    eer_interval(*trials)
    assert time.process_time() - start < 3
