"""What a model is trained to tell of a trial, and by what its epochs are compared on dev."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from codecfake.detectors import BONAFIDE, Detector
from codecfake.evaluation import metrics
from codecfake.evaluation.scoring import cm_scores
from codecfake.trials.dataset import cm_labels
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import ConfigError, DataError


class Objective(ABC):
    """
    Attributes:
        classes: what the logits are of, in order, as messages name it.
        error: what is measured on dev, a fraction, the lower the better.
    """

    classes: Sequence[str]
    error: str

    @abstractmethod
    def labels(self, trials: pd.DataFrame) -> np.ndarray:
        """The class of each trial, int64 [N], by its number."""

    @abstractmethod
    def predict(self, model: Detector, logits: torch.Tensor) -> torch.Tensor:
        """What counts of logits [B, C] on dev, [B, ...]."""

    @abstractmethod
    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """The error on dev, and what decides between epochs of the same error; the lower the better.

        Args:
            predictions: what `predict` made of all dev trials, float64 [N, ...].
            labels: their classes [N].

        Raises:
            DataError: a class that it takes is not there, or the model gave a number that is not finite.
        """


class Detection(Objective):
    """Bona fide or spoof, by the EER."""

    classes = ("spoof", "bona fide")
    error = "eer"

    def labels(self, trials: pd.DataFrame) -> np.ndarray:
        return cm_labels(trials)

    def predict(self, model: Detector, logits: torch.Tensor) -> torch.Tensor:
        return cm_scores(model, logits)

    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Of two epochs with one EER, the one that keeps the classes further apart comes first."""
        bonafide, spoof = predictions[labels == BONAFIDE], predictions[labels != BONAFIDE]
        return metrics.eer(bonafide, spoof), -_separation(bonafide, spoof)


def _separation(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Distance of the class means in pooled standard deviations (d')."""
    spread = np.sqrt((bonafide.var() + spoof.var()) / 2)
    return float((bonafide.mean() - spoof.mean()) / max(spread, 1e-9))


class Tracing(Objective):
    """Which codec, or family of codecs, made a trial, by the balanced error: 1 less the mean recall of the classes.

    Args:
        class_of: the class of each codec, that of bona fide speech (`identity`) among them.

    Raises:
        ConfigError: they are all of one class.
    """

    error = "balanced_error"

    def __init__(self, class_of: dict[str, str]):
        self.class_of = class_of
        # the order must not hang on that of the codecs; bona fide comes first where people read it
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
        """Log posteriors [B, C] (natural logarithm), under the prior of training."""
        return logits.float().log_softmax(dim=1)

    def selection_metric(self, predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """Of two epochs with one error, the one with the lower cross-entropy, the mean of the classes', comes first."""
        if not len(labels):
            raise DataError("no dev trials; tracers are compared on them")
        if not np.isfinite(predictions).all():
            raise DataError("a log posterior on dev is not finite")
        present = np.unique(labels)
        recall = [np.mean(predictions[labels == one].argmax(axis=1) == one) for one in present]
        cross_entropy = [-predictions[labels == one, one].mean() for one in present]
        return 1 - float(np.mean(recall)), float(np.mean(cross_entropy))
