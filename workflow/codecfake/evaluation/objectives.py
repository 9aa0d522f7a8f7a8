"""Training objectives (detection, source tracing) and the metrics that select an epoch on dev."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from codecfake.detectors.base import BONAFIDE, Detector
from codecfake.evaluation import metrics
from codecfake.evaluation.scoring import cm_scores
from codecfake.trials.dataset import cm_labels
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import ConfigError, DataError


class Objective(ABC):
    """A classification task: its classes, its labels and its error on dev.

    Attributes:
        classes: names of the classes, in the order of the logits.
        error: name of the error on dev (a fraction; lower is better).
    """

    classes: Sequence[str]
    error: str

    @abstractmethod
    def labels(self, trials: pd.DataFrame) -> np.ndarray:
        """Return the class index of each trial, int64 [N]."""

    @abstractmethod
    def predict(self, model: Detector, logits: torch.Tensor) -> torch.Tensor:
        """Convert logits [B, C] into the predictions [B, ...] that `selection_metric` takes."""

    @abstractmethod
    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Return the error on dev, and a tie-breaker between epochs with equal error; lower is better for both.

        Args:
            predictions: results of `predict` for all dev trials, float64 [N, ...].
            labels: class indices of the dev trials [N].

        Raises:
            DataError: a required class has no trial, or a prediction is not finite.
        """


class Detection(Objective):
    """Detection: bona fide or spoof; epochs are compared by EER."""

    classes = ("spoof", "bona fide")
    error = "eer"

    def labels(self, trials: pd.DataFrame) -> np.ndarray:
        return cm_labels(trials)

    def predict(self, model: Detector, logits: torch.Tensor) -> torch.Tensor:
        return cm_scores(model, logits)

    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Return the EER and, as tie-breaker, the negated separation (d') of the classes."""
        bonafide, spoof = predictions[labels == BONAFIDE], predictions[labels != BONAFIDE]
        return metrics.eer(bonafide, spoof), -_separation(bonafide, spoof)


def _separation(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Return the distance of the class means in pooled standard deviations (d')."""
    spread = np.sqrt((bonafide.var() + spoof.var()) / 2)
    return float((bonafide.mean() - spoof.mean()) / max(spread, 1e-9))


class Tracing(Objective):
    """Source tracing: which codec or codec family produced a trial; epochs are compared by 1 - mean class recall.

    Args:
        class_of: class of each codec, including that of bona fide speech (`identity`).

    Raises:
        ConfigError: there is only one class.
    """

    error = "balanced_error"

    def __init__(self, class_of: dict[str, str]):
        self.class_of = class_of
        # the order must not depend on that of the codecs; bona fide comes first for readers
        self.classes = sorted(set(class_of.values()), key=lambda name: (name != class_of.get(IDENTITY), name))
        if len(self.classes) < 2:
            raise ConfigError(f"classes: {', '.join(self.classes) or 'none'}; at least two are needed")

    def labels(self, trials: pd.DataFrame) -> np.ndarray:
        unknown = sorted(set(trials["codec"]) - set(self.class_of))
        if unknown:
            raise DataError(f"trials of codec {unknown[0]!r}, which has no class; allowed: {', '.join(self.class_of)}")
        names = trials["codec"].map(self.class_of)
        return pd.Index(self.classes).get_indexer(names).astype(np.int64)

    def predict(self, model: Detector, logits: torch.Tensor) -> torch.Tensor:
        """Return log posteriors [B, C] (natural logarithm) under the class prior of training."""
        return logits.float().log_softmax(dim=1)

    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Return the balanced error and, as tie-breaker, the cross-entropy averaged over classes."""
        if not len(labels):
            raise DataError("no dev trials; they are needed to select an epoch")
        if not np.isfinite(predictions).all():
            raise DataError("a log posterior on dev is not finite")
        present = np.unique(labels)
        recall = [np.mean(predictions[labels == one].argmax(axis=1) == one) for one in present]
        cross_entropy = [-predictions[labels == one, one].mean() for one in present]
        return 1 - float(np.mean(recall)), float(np.mean(cross_entropy))


def objective_of(entry: dict) -> Objective:
    """Return the objective of a detector's entry: source tracing if it has `classes`, the class of each codec."""
    return Tracing(entry["classes"]) if "classes" in entry else Detection()
