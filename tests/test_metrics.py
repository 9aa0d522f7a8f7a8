"""EER and DET curve: closed forms, scikit-learn and scipy as an independent oracle, refused input."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from codecfake import metrics
from codecfake.errors import DataError

RANDOM = np.random.default_rng(20240907)
#: (bona fide, spoof) scores
SETS = {
    "overlapping": (RANDOM.normal(1, 1, 400), RANDOM.normal(0, 1, 400)),
    "nearly separate": (RANDOM.normal(4, 1, 300), RANDOM.normal(0, 1, 300)),
    "the wrong way round": (RANDOM.normal(-1, 1, 200), RANDOM.normal(1, 1, 200)),
    "few bona fide": (RANDOM.normal(1, 1, 7), RANDOM.normal(0, 1, 1000)),
    "few spoof": (RANDOM.normal(1, 2, 500), RANDOM.normal(0, 1, 3)),
    "four values": (RANDOM.choice([0.0, 1.0, 2.0, 3.0], 150), RANDOM.choice([0.0, 1.0, 2.0], 90)),
    "two values": (RANDOM.choice([0.0, 1.0], 31), RANDOM.choice([0.0, 1.0], 17)),
    "rounded": (RANDOM.normal(1, 1, 250).round(1), RANDOM.normal(0, 1, 333).round(1)),
}


def oracle(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Where the ROC, a straight line between its points, crosses the line of equal errors."""
    labels = np.concatenate([np.ones(len(bonafide)), np.zeros(len(spoof))])
    false_alarm, hit, _ = roc_curve(labels, np.concatenate([bonafide, spoof]), drop_intermediate=False)
    # the place along the curve, since the curve may rise straight up
    place = np.arange(len(hit))
    crossing = brentq(lambda x: np.interp(x, place, 1 - hit) - np.interp(x, place, false_alarm), 0, place[-1])
    return float(np.interp(crossing, place, false_alarm))


@pytest.mark.parametrize(
    ("bonafide", "spoof", "expected"),
    [
        pytest.param([2.0, 3.0], [0.0, 1.0], 0.0, id="separate"),
        pytest.param([0.0, 1.0], [2.0, 3.0], 1.0, id="reversed: not flipped"),
        pytest.param([5.0, 5.0, 5.0], [5.0, 5.0], 0.5, id="all scores equal"),
        pytest.param([1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], 0.5, id="the same distribution, tied"),
        pytest.param([1.0], [0.0], 0.0, id="one trial a class"),
        # at threshold 3: miss 1/3, false alarm 1/3
        pytest.param([2.0, 4.0, 5.0], [0.0, 1.0, 3.0], 1 / 3, id="on a point of the curve"),
        # points (miss, false alarm): (0, 1) (0, 1/2) (1/3, 1/2) (1/3, 0): straight down at miss 1/3
        pytest.param([1.0, 3.0, 4.0], [0.0, 2.0], 1 / 3, id="five trials, on a vertical step"),
        # points (0, 1) (0, 2/3) (1/2, 1/3) (1, 0), as 1.0 is tied: 0 + s/2 = 2/3 - s/3, s = 4/5
        pytest.param([1.0, 2.0], [0.0, 1.0, 2.0], 0.4, id="five trials, between two points"),
        # points (0, 1) (1/2, 0), as 0.0 is tied: s/2 = 1 - s, s = 2/3
        pytest.param([0.0, 1.0], [0.0, 0.0], 1 / 3, id="four trials, between two points"),
    ],
)
def test_eer_has_its_hand_computed_value(bonafide, spoof, expected):
    assert metrics.eer(np.array(bonafide), np.array(spoof)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_eer_is_that_of_scikit_learn_and_scipy(name):
    bonafide, spoof = SETS[name]
    assert metrics.eer(bonafide, spoof) == pytest.approx(oracle(bonafide, spoof), abs=1e-9)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("change", [np.exp, np.arctan, lambda x: 3 * x - 7], ids=["exp", "arctan", "affine"])
def test_eer_depends_on_the_order_of_scores_alone(name, change):
    bonafide, spoof = SETS[name]
    assert metrics.eer(change(bonafide), change(spoof)) == metrics.eer(bonafide, spoof)


@pytest.mark.parametrize("name", SETS)
def test_eer_of_exchanged_classes_is_its_complement(name):
    bonafide, spoof = SETS[name]
    assert metrics.eer(spoof, bonafide) == pytest.approx(1 - metrics.eer(bonafide, spoof), abs=1e-12)


def test_eer_does_not_depend_on_the_order_of_trials():
    bonafide, spoof = SETS["rounded"]
    assert metrics.eer(bonafide[::-1], np.sort(spoof)) == metrics.eer(bonafide, spoof)


@pytest.mark.parametrize("name", SETS)
def test_det_curve_goes_from_accepting_all_to_accepting_none(name):
    miss, false_alarm = metrics.det_curve(*SETS[name])
    assert (miss[0], false_alarm[0]) == (0, 1)
    assert (miss[-1], false_alarm[-1]) == (1, 0)
    assert (np.diff(miss) >= 0).all()
    assert (np.diff(false_alarm) <= 0).all()


def test_det_curve_has_one_point_a_distinct_score_and_the_end():
    miss, false_alarm = metrics.det_curve(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0]))
    assert miss.tolist() == [0, 0, 0.25, 0.75, 1]
    assert false_alarm.tolist() == [1, 0.5, 0.5, 0, 0]


@pytest.mark.parametrize("metric", [metrics.eer, metrics.det_curve])
@pytest.mark.parametrize(
    ("bonafide", "spoof", "message"),
    [
        ([], [1.0], "no bonafide scores"),
        ([1.0], [], "no spoof scores"),
        ([], [], "no bonafide scores"),
        ([1.0, np.nan], [0.0], "a bonafide score is nan"),
        ([1.0], [0.0, np.inf], "a spoof score is inf"),
        ([-np.inf], [0.0], "a bonafide score is -inf"),
    ],
)
def test_scores_without_an_error_rate_are_refused(metric, bonafide, spoof, message):
    with pytest.raises(DataError, match=message):
        metric(np.array(bonafide), np.array(spoof))
