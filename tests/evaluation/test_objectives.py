"""The objective of source tracing: order of classes, selection on dev, refused input."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from codecfake.evaluation.objectives import Tracing
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import ConfigError, DataError
from tiny_run import MUFFLED
from tracing_run import CLASSES


def test_bona_fide_is_the_first_class_and_the_others_are_sorted():
    assert Tracing({"b": "y", IDENTITY: "z", "a": "x", "c": "x"}).classes == ["z", "x", "y"]
    assert Tracing({"b": "y", "a": "x"}).classes == ["x", "y"]


@pytest.mark.parametrize(("classes", "found"), [({}, "none"), ({IDENTITY: "a", MUFFLED: "a"}, "a")])
def test_fewer_than_two_classes_are_refused(classes, found):
    with pytest.raises(ConfigError, match=f"classes: {found}; at least two are needed"):
        Tracing(classes)


def test_non_finite_log_posterior_is_refused():
    with pytest.raises(DataError, match="a log posterior on dev is not finite"):
        Tracing(CLASSES).selection_metric(np.array([[-1.0, np.nan, -1.0]]), np.array([0]))


def test_dev_error_is_1_minus_balanced_accuracy():
    random = np.random.default_rng(0)
    told, labels = np.log(random.dirichlet([1, 1, 1], size=60)), random.choice(3, 60, p=[0.7, 0.2, 0.1])
    error, _ = Tracing(CLASSES).selection_metric(told, labels)
    assert error == pytest.approx(1 - oracle.balanced_accuracy_score(labels, told.argmax(axis=1)))


def test_equal_errors_are_ranked_by_log_loss():
    labels, right = np.array([0, 1, 2]), np.eye(3, dtype=bool)
    sure, unsure = (np.log(np.where(right, p, (1 - p) / 2)) for p in (0.9, 0.5))
    task = Tracing(CLASSES)
    assert task.selection_metric(sure, labels)[0] == task.selection_metric(unsure, labels)[0] == 0
    assert task.selection_metric(sure, labels) < task.selection_metric(unsure, labels)
    assert task.selection_metric(sure, labels)[1] == pytest.approx(-np.log(0.9))
