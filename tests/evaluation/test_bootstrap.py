"""Bootstrap: repeated scores as an independent oracle, simulated null, refused input, large input."""

import time
import tracemalloc

import numpy as np
import pytest

from codecfake.evaluation import bootstrap, metrics
from codecfake.evaluation.eer_interval import eer_interval
from codecfake.util.errors import DataError

RANDOM = np.random.default_rng(20240907)


def speakers_trials(random: np.random.Generator, speakers: int, each: int, effect: float) -> tuple[np.ndarray, ...]:
    """Draw bona fide and spoof scores [speakers * each] with means 1 and -1; return them with their speakers.

    The variance within a speaker is 1; speaker means have standard deviation `effect`, independently in each class.
    """
    speaker = np.repeat(np.arange(speakers), each)
    bonafide, spoof = (
        mean + random.normal(0, effect, speakers)[speaker] + random.normal(0, 1, len(speaker)) for mean in (1, -1)
    )
    return bonafide, spoof, speaker, speaker


@pytest.fixture(scope="module")
def trials() -> tuple[np.ndarray, ...]:
    """Scores and speakers of 800 + 800 trials with many ties; two speakers have trials of one class only."""
    bonafide, spoof, of_bonafide, of_spoof = speakers_trials(np.random.default_rng(1), 20, 40, 0.7)
    return bonafide.round(1), spoof.round(1), of_bonafide, of_spoof + 1


@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (30, 7), (50, 200)])
def test_weighted_eer_equals_eer_of_repeated_scores(sizes, decimals):
    bonafide, spoof = RANDOM.normal(1, 1, sizes[0]).round(decimals), RANDOM.normal(0, 1, sizes[1]).round(decimals)
    scores, is_bonafide = np.append(bonafide, spoof), np.repeat([True, False], sizes)
    weights = np.concatenate([np.ones((1, sum(sizes)), int), RANDOM.integers(0, 4, (100, sum(sizes)))])
    # both classes keep trials
    weights[1:, [0, -1]] += 1
    found = bootstrap._rank(scores, is_bonafide, np.arange(sum(sizes))).eers(weights)
    expected = [metrics.eer(np.repeat(bonafide, row[: sizes[0]]), np.repeat(spoof, row[sizes[0] :])) for row in weights]
    assert found == pytest.approx(expected, abs=1e-12)
    assert found[0] == pytest.approx(metrics.eer(bonafide, spoof), abs=1e-12)


def drawn_one_by_one(a, b, of_bonafide, of_spoof, resamples=2000):
    """Compute the interval of EER(a) - EER(b) by brute force, concatenating the scores of drawn speakers."""
    random = np.random.default_rng(5)
    names = np.unique(np.append(of_bonafide, of_spoof))
    differences = []
    for _ in range(resamples):
        drawn = random.choice(names, len(names))
        eers = [
            metrics.eer(
                np.concatenate([bonafide[of_bonafide == name] for name in drawn]),
                np.concatenate([spoof[of_spoof == name] for name in drawn]),
            )
            for bonafide, spoof in (a, b)
        ]
        differences.append(eers[0] - eers[1])
    return np.quantile(differences, [0.025, 0.975])


@pytest.fixture(scope="module")
def noisier(trials) -> tuple[np.ndarray, np.ndarray]:
    """The scores of another detector: with more noise."""
    return tuple(scores + np.random.default_rng(8).normal(0, 1.5, len(scores)) for scores in trials[:2])


def test_clustered_interval_equals_brute_force_over_speakers(trials, noisier):
    found = bootstrap.paired(*noisier, *trials, resamples=5000)
    expected = drawn_one_by_one(noisier, trials[:2], *trials[2:])
    assert (found.low, found.high) == pytest.approx(expected, abs=0.008)


def test_plain_interval_equals_brute_force_over_trials_of_each_class(trials, noisier):
    random = np.random.default_rng(5)
    differences = []
    for _ in range(2000):
        drawn = [random.integers(len(scores), size=len(scores)) for scores in trials[:2]]
        eers = [metrics.eer(*(x[i] for x, i in zip(scores, drawn, strict=True))) for scores in (noisier, trials[:2])]
        differences.append(eers[0] - eers[1])
    found = bootstrap.paired(*noisier, *trials[:2], resamples=5000)
    assert (found.low, found.high) == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=0.004)


@pytest.mark.parametrize("clustered", [True, False])
def test_comparison_depends_on_the_seed_but_not_on_trial_order_or_chunk_size(trials, noisier, clustered, monkeypatch):
    bonafide, spoof, *clusters = trials
    clusters = clusters if clustered else [None, None]
    expected = bootstrap.paired(bonafide, spoof, *noisier, *clusters, seed=7)
    orders = [RANDOM.permutation(len(scores)) for scores in (bonafide, spoof)]
    moved = [
        None if one is None else one[order]
        for pair in ((bonafide, spoof), noisier, clusters)
        for one, order in zip(pair, orders, strict=True)
    ]
    assert bootstrap.paired(*moved, seed=7) == expected
    assert bootstrap.paired(bonafide, spoof, *noisier, *clusters, seed=8) != expected
    monkeypatch.setattr(bootstrap, "CHUNK", 10_000)
    assert bootstrap.paired(bonafide, spoof, *noisier, *clusters, seed=7) == expected


def test_clusters_may_be_strings(trials, noisier):
    names = [np.array([f"p{speaker:03}" for speaker in of_class]) for of_class in trials[2:]]
    expected = bootstrap.paired(*noisier, *trials)
    assert bootstrap.paired(*noisier, *trials[:2], *names) == expected
    assert bootstrap.paired(*noisier, *trials[:2], *(one.astype(object) for one in names)) == expected


def test_resample_without_a_class_is_redrawn():
    """With two speakers of one class each, half of the draws have a single class; the others equal the trials."""
    clusters = np.array(["a", "a"]), np.array(["b", "b"])
    found = bootstrap.paired(np.array([0.0, 2.0]), np.array([1.0, -1.0]), np.ones(2), np.zeros(2), *clusters)
    assert (found.difference, found.low, found.high) == (0.5, 0.5, 0.5)


def test_detector_does_not_differ_from_itself(trials):
    bonafide, spoof, *clusters = trials
    assert bootstrap.paired(bonafide, spoof, bonafide, spoof, *clusters) == bootstrap.Paired(0, 0, 0, 1)
    # the same order of scores on another scale
    assert bootstrap.paired(bonafide, spoof, 3 * bonafide, 3 * spoof, *clusters).p == 1


def test_clear_difference_has_the_smallest_p_value(trials):
    bonafide, spoof, *clusters = trials
    worse = bonafide + RANDOM.normal(0, 4, len(bonafide)), spoof + RANDOM.normal(0, 4, len(spoof))
    found = bootstrap.paired(*worse, bonafide, spoof, *clusters)
    assert found.difference == metrics.eer(*worse) - metrics.eer(bonafide, spoof)
    assert 0 < found.low < found.difference < found.high
    assert found.p == 2 / 1001
    exchanged = bootstrap.paired(bonafide, spoof, *worse, *clusters)
    assert (exchanged.difference, exchanged.p) == (-found.difference, found.p)
    assert (exchanged.low, exchanged.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


def test_paired_comparison_uses_the_same_resamples(trials):
    """For two nearly identical detectors, the EERs have wide intervals, but their difference a narrow one."""
    bonafide, spoof, *clusters = trials
    near = bonafide + RANDOM.normal(0, 0.1, len(bonafide)), spoof + RANDOM.normal(0, 0.1, len(spoof))
    found = bootstrap.paired(bonafide, spoof, *near, *clusters)
    low, high = eer_interval(*trials)
    assert found.high - found.low < (high - low) / 3


def test_p_value_is_nearly_uniform_under_the_null_hypothesis():
    """Two detectors with the same true EER share a part of each speaker effect. EERs are discrete: differences of zero
    count for the null hypothesis, so that p is slightly conservative."""
    random = np.random.default_rng(6)
    p_values = []
    for seed in range(300):
        bonafide, spoof, *clusters = speakers_trials(random, speakers=50, each=6, effect=0.5)
        noise = [speakers_trials(random, speakers=50, each=6, effect=0.5)[:2] for _ in "ab"]
        a, b = ((bonafide + more, spoof + less) for more, less in noise)
        p_values.append(bootstrap.paired(*a, *b, *clusters, resamples=200, seed=seed).p)
    # each bound is about three standard deviations from the expectation
    for level, least, most in ((0.05, 0.01, 0.09), (0.2, 0.1, 0.27), (0.5, 0.33, 0.58)):
        assert least <= np.mean(np.array(p_values) <= level) <= most


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.04], [0.04]),
        ([0.5, 0.9, 0.6], [1, 1, 1]),
        ([0.0, 1.0], [0, 1]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm_equals_hand_computed_values(p_values, adjusted):
    assert bootstrap.holm(np.array(p_values)) == pytest.approx(np.array(adjusted), abs=1e-12)


@pytest.mark.parametrize("refused", [np.nan, -0.1, 1.1])
def test_holm_refuses_invalid_p_values(refused):
    with pytest.raises(DataError, match=f"a p value is {refused}"):
        bootstrap.holm(np.array([0.5, refused]))


ONE, TWO, THREE = np.array([1.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.array([]), TWO, TWO, THREE), "no bonafide scores"),
        ((TWO, THREE, THREE, THREE), "2 bonafide scores but 3 scores of the other detector"),
        ((TWO, THREE, TWO, ONE), "3 spoof scores but 1 scores of the other detector"),
        ((TWO, THREE, TWO, np.array([0, 1, np.inf])), "a spoof score is inf"),
        ((TWO, THREE, TWO, THREE, TWO), "clusters of one class only"),
        ((TWO, THREE, TWO, THREE, None, None, 0), "0 resamples"),
    ],
)
def test_incomparable_detectors_are_refused(given, message):
    with pytest.raises(DataError, match=message):
        bootstrap.paired(*given)


def test_thousand_resamples_take_less_than_two_seconds(trials, noisier):
    start = time.process_time()
    bootstrap.paired(*noisier, *trials)
    assert time.process_time() - start < 2


def test_memory_is_bounded():
    bonafide, spoof, *_ = speakers_trials(np.random.default_rng(0), 100, 100, 1)
    tracemalloc.start()
    bootstrap.paired(bonafide, spoof, bonafide, spoof, resamples=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6
