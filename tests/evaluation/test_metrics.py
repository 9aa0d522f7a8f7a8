"""Metrics: closed forms; scikit-learn, scipy and brute force as independent oracles; refused input; large input."""

import time

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from codecfake.evaluation import metrics
from codecfake.util.errors import DataError


def min_dcf(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    return metrics.summary(bonafide, spoof)["min_dcf"]


def min_cllr(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    return metrics.summary(bonafide, spoof)["min_cllr"]


RANK_BASED = [metrics.eer, metrics.auc, min_dcf, min_cllr]
VALUE_BASED = [metrics.act_dcf, metrics.cllr]
RANDOM = np.random.default_rng(20240907)
#: (bona fide, spoof) scores
SETS = {
    "overlapping": (RANDOM.normal(1, 1, 400), RANDOM.normal(0, 1, 400)),
    "nearly separate": (RANDOM.normal(4, 1, 300), RANDOM.normal(0, 1, 300)),
    "inverted": (RANDOM.normal(-1, 1, 200), RANDOM.normal(1, 1, 200)),
    "few bona fide": (RANDOM.normal(1, 1, 7), RANDOM.normal(0, 1, 1000)),
    "few spoof": (RANDOM.normal(1, 2, 500), RANDOM.normal(0, 1, 3)),
    "four values": (RANDOM.choice([0.0, 1.0, 2.0, 3.0], 150), RANDOM.choice([0.0, 1.0, 2.0], 90)),
    "two values": (RANDOM.choice([0.0, 1.0], 31), RANDOM.choice([0.0, 1.0], 17)),
    "rounded": (RANDOM.normal(1, 1, 250).round(1), RANDOM.normal(0, 1, 333).round(1)),
    "log-likelihood ratios": (RANDOM.normal(2, 2, 300), RANDOM.normal(-2, 2, 700)),
    "separate": (RANDOM.uniform(1, 2, 20), RANDOM.uniform(-1, 0, 30)),
    "all equal": (np.full(5, -0.3), np.full(8, -0.3)),
    "one trial per class": (np.array([0.5]), np.array([-0.25])),
}


def labels_and_weights(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (1 = bona fide; bona fide first) and weights that balance the classes."""
    count, other = len(bonafide), len(spoof)
    return np.repeat([1, 0], [count, other]), np.repeat([1 / count, 1 / other], [count, other])


def oracle(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Compute the EER from the linearly interpolated ROC of scikit-learn."""
    labels, _ = labels_and_weights(bonafide, spoof)
    false_alarm, hit, _ = roc_curve(labels, np.concatenate([bonafide, spoof]), drop_intermediate=False)
    # parametrised by the index of the point, since the curve may be vertical
    place = np.arange(len(hit))
    crossing = brentq(lambda x: np.interp(x, place, 1 - hit) - np.interp(x, place, false_alarm), 0, place[-1])
    return float(np.interp(crossing, place, false_alarm))


@pytest.mark.parametrize(
    ("bonafide", "spoof", "expected"),
    [
        pytest.param([2.0, 3.0], [0.0, 1.0], 0.0, id="separate"),
        pytest.param([0.0, 1.0], [2.0, 3.0], 1.0, id="reversed: not flipped"),
        pytest.param([5.0, 5.0, 5.0], [5.0, 5.0], 0.5, id="all scores equal"),
        pytest.param([1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], 0.5, id="identical tied distributions"),
        pytest.param([1.0], [0.0], 0.0, id="one trial per class"),
        # threshold 3: miss 1/3, false alarm 1/3
        pytest.param([2.0, 4.0, 5.0], [0.0, 1.0, 3.0], 1 / 3, id="on a point of the curve"),
        # points (miss, false alarm): (0, 1) (0, 1/2) (1/3, 1/2) (1/3, 0): vertical at miss 1/3
        pytest.param([1.0, 3.0, 4.0], [0.0, 2.0], 1 / 3, id="five trials, on a vertical step"),
        # points (0, 1) (0, 2/3) (1/2, 1/3) (1, 0), since 1.0 is tied: 0 + s/2 = 2/3 - s/3, s = 4/5
        pytest.param([1.0, 2.0], [0.0, 1.0, 2.0], 0.4, id="five trials, between two points"),
        # points (0, 1) (1/2, 0), since 0.0 is tied: s/2 = 1 - s, s = 2/3
        pytest.param([0.0, 1.0], [0.0, 0.0], 1 / 3, id="four trials, between two points"),
    ],
)
def test_eer_equals_hand_computed_value(bonafide, spoof, expected):
    assert metrics.eer(np.array(bonafide), np.array(spoof)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_eer_equals_scikit_learn_and_scipy(name):
    bonafide, spoof = SETS[name]
    assert metrics.eer(bonafide, spoof) == pytest.approx(oracle(bonafide, spoof), abs=1e-9)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("change", [np.exp, np.arctan, lambda x: 3 * x - 7], ids=["exp", "arctan", "affine"])
@pytest.mark.parametrize("metric", RANK_BASED)
def test_rank_based_metrics_depend_only_on_the_order_of_scores(name, change, metric):
    bonafide, spoof = SETS[name]
    assert metric(change(bonafide), change(spoof)) == metric(bonafide, spoof)


@pytest.mark.parametrize("name", SETS)
def test_eer_of_exchanged_classes_is_its_complement(name):
    bonafide, spoof = SETS[name]
    assert metrics.eer(spoof, bonafide) == pytest.approx(1 - metrics.eer(bonafide, spoof), abs=1e-12)


@pytest.mark.parametrize("metric", [*RANK_BASED, *VALUE_BASED, metrics.eer_threshold])
def test_metrics_do_not_depend_on_trial_order(metric):
    bonafide, spoof = SETS["rounded"]
    assert metric(bonafide[::-1], np.sort(spoof)) == pytest.approx(metric(bonafide, spoof), abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_auc_equals_scikit_learn(name):
    labels, _ = labels_and_weights(*SETS[name])
    assert metrics.auc(*SETS[name]) == pytest.approx(roc_auc_score(labels, np.concatenate(SETS[name])), abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_cllr_equals_weighted_log_loss_of_scikit_learn(name):
    labels, weights = labels_and_weights(*SETS[name])
    loss = log_loss(labels, expit(np.concatenate(SETS[name])), sample_weight=weights)
    assert metrics.cllr(*SETS[name]) == pytest.approx(loss / np.log(2), abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_min_cllr_equals_log_loss_after_isotonic_regression_of_scikit_learn(name):
    labels, weights = labels_and_weights(*SETS[name])
    posterior = IsotonicRegression().fit_transform(np.concatenate(SETS[name]), labels, sample_weight=weights)
    loss = log_loss(labels, posterior, sample_weight=weights)
    assert min_cllr(*SETS[name]) == pytest.approx(loss / np.log(2), abs=1e-9)


@pytest.mark.parametrize("name", SETS)
def test_min_dcf_is_the_minimum_over_all_thresholds(name):
    bonafide, spoof = SETS[name]
    costs = [
        (0.95 * 1 * np.mean(bonafide < threshold) + 0.05 * 10 * np.mean(spoof >= threshold)) / 0.5
        for threshold in [*bonafide, *spoof, np.inf]
    ]
    assert min_dcf(bonafide, spoof) == pytest.approx(min(costs), abs=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_minimum_costs_exceed_neither_actual_costs_nor_one(name):
    found = metrics.summary(*SETS[name])
    assert 0 <= found["min_dcf"] <= min(found["act_dcf"], 1)
    assert 0 <= found["min_cllr"] <= min(found["cllr"], 1)


@pytest.mark.parametrize("name", SETS)
def test_summary_has_every_metric(name):
    expected = {metric.__name__: metric(*SETS[name]) for metric in [*RANK_BASED, *VALUE_BASED]}
    assert metrics.summary(*SETS[name]) == expected
    assert all(type(value) is float for value in metrics.summary(*SETS[name]).values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("separate", {"eer": 0, "auc": 1, "min_dcf": 0, "min_cllr": 0}),
        ("one trial per class", {"eer": 0, "auc": 1, "min_dcf": 0, "min_cllr": 0}),
        ("all equal", {"eer": 0.5, "auc": 0.5, "min_dcf": 1, "min_cllr": 1}),
    ],
)
def test_perfect_and_uninformative_scores_have_the_limit_values(name, expected):
    found = metrics.summary(*SETS[name])
    assert {metric: found[metric] for metric in expected} == pytest.approx(expected, abs=1e-12)


def test_act_dcf_equals_hand_computed_value():
    # the threshold is -log(0.95 / 0.5) = -0.64: one of four bona fide rejected, one of two spoof accepted
    found = metrics.act_dcf(np.array([-0.7, -0.6, 0.0, 1.0]), np.array([-0.65, -0.63]))
    assert found == pytest.approx((0.95 * 0.25 + 0.5 * 0.5) / 0.5, abs=1e-12)


def test_cllr_is_one_bit_for_uninformative_scores_and_large_for_confident_errors():
    assert metrics.cllr(np.zeros(3), np.zeros(4)) == pytest.approx(1, abs=1e-12)
    # log(1 + exp(1000)) is 1000
    assert metrics.cllr(np.array([-1000.0]), np.array([-1000.0])) == pytest.approx(500 / np.log(2), abs=1e-9)


def normal(mean: float, deviation: float, count: int = 20_000) -> np.ndarray:
    """Return quantiles of a normal distribution at evenly spaced probabilities [count], a deterministic sample."""
    return mean + deviation * norm.ppf((np.arange(count) + 0.5) / count)


@pytest.mark.parametrize("distance", [0.5, 1, 2, 3.5])
def test_metrics_of_normal_distributions_equal_closed_forms(distance):
    bonafide, spoof = normal(distance, 1), normal(0, 1)
    best = minimize_scalar(
        lambda threshold: (0.95 * norm.cdf(threshold - distance) + 0.5 * norm.sf(threshold)) / 0.5,
        bracket=(0, distance),
    )
    found = metrics.summary(bonafide, spoof)
    assert found["eer"] == pytest.approx(norm.cdf(-distance / 2), abs=1e-4)
    assert found["auc"] == pytest.approx(norm.cdf(distance / np.sqrt(2)), abs=1e-4)
    assert found["min_dcf"] == pytest.approx(best.fun, abs=5e-4)
    assert metrics.eer_threshold(bonafide, spoof) == pytest.approx(distance / 2, abs=1e-3)


@pytest.mark.parametrize("deviation", [0.5, 1, 2, 4])
def test_costs_of_log_likelihood_ratios_equal_closed_forms(deviation):
    """Normal scores with variance s² and means ±s²/2 are log-likelihood ratios."""
    mean = deviation**2 / 2
    bonafide, spoof = normal(mean, deviation), normal(-mean, deviation)
    bits, _ = quad(lambda x: norm.pdf(x, mean, deviation) * np.logaddexp(0, -x) / np.log(2), -np.inf, np.inf)
    threshold = -np.log(1.9)
    cost = (0.95 * norm.cdf(threshold, mean, deviation) + 0.5 * norm.sf(threshold, -mean, deviation)) / 0.5
    found = metrics.summary(bonafide, spoof)
    assert found["cllr"] == pytest.approx(bits, abs=2e-4)
    assert found["min_cllr"] == pytest.approx(bits, abs=2e-3)
    assert found["act_dcf"] == pytest.approx(cost, abs=5e-4)
    assert found["min_dcf"] == pytest.approx(cost, abs=5e-4)


#: EER, min DCF, actual DCF and Cllr of the scores below, computed with the ASVspoof 5 evaluation package
#: (github.com/asvspoof-challenge/asvspoof5, commit 7868045).
OF_ASVSPOOF_5 = {
    "no ties": (0.3225395206527282, 0.6037735849056604, 0.9097399286078531, 1.0246789385016837),
    "ties": (0.29559519475791773, 0.5373134328358209, 0.6480524208227156, 0.7211842589584061),
    "calibrated": (0.17777886163000536, 0.3891625615763547, 0.49892698629468857, 0.4387954421630917),
    "shifted": (0.17777886163000536, 0.3891625615763547, 0.6584158415841583, 0.749363832761276),
}
SCORES_OF_ASVSPOOF_5 = {
    "no ties": ((7 * np.arange(37) % 37) / 4 - 3, (11 * np.arange(53) % 53) / 5 - 7.03),
    "ties": ((5 * np.arange(41) % 11) / 2 - 1.0, (7 * np.arange(67) % 13) / 2 - 4.0),
    "calibrated": ((7 * np.arange(101) % 101) / 10 - 2.05, (11 * np.arange(203) % 203) / 25 - 7.0),
    "shifted": ((7 * np.arange(101) % 101) / 10 - 4.05, (11 * np.arange(203) % 203) / 25 - 9.0),
}


@pytest.mark.parametrize("name", OF_ASVSPOOF_5)
def test_costs_equal_the_asvspoof_5_package_and_eer_nearly(name):
    bonafide, spoof = SCORES_OF_ASVSPOOF_5[name]
    eer, *costs = OF_ASVSPOOF_5[name]
    found = metrics.summary(bonafide, spoof)
    assert [found["min_dcf"], found["act_dcf"], found["cllr"]] == pytest.approx(costs, abs=1e-12)
    if name == "ties":
        # the package rejects tied bona fide trials before tied spoof trials
        assert found["eer"] < eer < found["eer"] + 0.02
    else:
        assert found["eer"] == pytest.approx(eer, abs=0.25 / min(len(bonafide), len(spoof)))


@pytest.mark.parametrize("name", SETS)
def test_errors_at_the_eer_threshold_are_as_equal_as_ties_allow(name):
    bonafide, spoof = SETS[name]
    miss, false_alarm = metrics.errors_at(bonafide, spoof, metrics.eer_threshold(bonafide, spoof))
    assert abs(miss - false_alarm) == pytest.approx(np.abs(np.subtract(*metrics.det_curve(bonafide, spoof))).min())
    assert min(miss, false_alarm) - 1e-12 <= metrics.eer(bonafide, spoof) <= max(miss, false_alarm) + 1e-12


@pytest.mark.parametrize(
    ("bonafide", "spoof", "threshold"),
    [
        pytest.param([3.0, 4.0], [0.0, 1.0], 2.0, id="halfway"),
        pytest.param([2.0, 4.0, 5.0], [0.0, 1.0, 3.0], 2.5, id="both error rates one third"),
        pytest.param([7.0, 7.0], [7.0], 7.0, id="all equal"),
        # miss rate minus false-alarm rate: -1, -1/2, 1/2, 1
        pytest.param([0.0, 1.0], [0.0, 2.0], 0.5, id="lower of two equally near thresholds"),
        pytest.param([np.nextafter(1, 2)], [1.0], np.nextafter(1, 2), id="no number in between"),
        pytest.param([1.7e308], [-1.7e308], 0.0, id="difference overflows"),
        pytest.param([1.7e308], [1.6e308], 1.65e308, id="sum overflows"),
    ],
)
def test_eer_threshold_equals_hand_computed_value(bonafide, spoof, threshold):
    assert metrics.eer_threshold(np.array(bonafide), np.array(spoof)) == pytest.approx(threshold, rel=1e-15)


def test_the_eer_threshold_separates_neighbouring_single_precision_scores():
    spoof = np.array([1], np.float32)
    bonafide = np.nextafter(spoof, np.float32(2))
    assert metrics.errors_at(bonafide, spoof, metrics.eer_threshold(bonafide, spoof)) == (0, 0)


def test_errors_at_accepts_scores_equal_to_the_threshold():
    bonafide, spoof = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0])
    assert metrics.errors_at(bonafide, spoof, 1.0) == (0.25, 0.5)
    assert metrics.errors_at(bonafide, spoof, -np.inf) == (0, 1)
    assert metrics.errors_at(bonafide, spoof, np.inf) == (1, 0)
    with pytest.raises(DataError, match="threshold is nan"):
        metrics.errors_at(bonafide, spoof, np.nan)


def test_ten_million_scores_take_less_than_20_seconds():
    random = np.random.default_rng(0)
    bonafide, spoof = random.normal(1, 1, 5_000_000), random.normal(-1, 1, 5_000_000)
    start = time.process_time()
    found = metrics.summary(bonafide, spoof)
    assert time.process_time() - start < 20
    assert found["eer"] == pytest.approx(norm.cdf(-1), abs=1e-3)
    assert found["auc"] == pytest.approx(norm.cdf(np.sqrt(2)), abs=1e-3)


@pytest.mark.parametrize("name", SETS)
def test_det_curve_goes_from_accepting_all_to_accepting_none(name):
    miss, false_alarm = metrics.det_curve(*SETS[name])
    assert (miss[0], false_alarm[0]) == (0, 1)
    assert (miss[-1], false_alarm[-1]) == (1, 0)
    assert (np.diff(miss) >= 0).all()
    assert (np.diff(false_alarm) <= 0).all()


def test_det_curve_has_a_point_per_distinct_score_and_the_end():
    miss, false_alarm = metrics.det_curve(np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0]))
    assert miss.tolist() == [0, 0, 0.25, 0.75, 1]
    assert false_alarm.tolist() == [1, 0.5, 0.5, 0, 0]


def errors_at_zero(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[float, float]:
    return metrics.errors_at(bonafide, spoof, 0.0)


@pytest.mark.parametrize(
    "metric",
    [
        *(metrics.det_curve, metrics.eer_threshold, errors_at_zero, metrics.summary),
        *RANK_BASED,
        *VALUE_BASED,
    ],
)
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
def test_empty_or_non_finite_scores_are_refused(metric, bonafide, spoof, message):
    with pytest.raises(DataError, match=message):
        metric(np.array(bonafide), np.array(spoof))
