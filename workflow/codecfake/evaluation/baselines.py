"""Baselines without a network: random scores, and a classifier of trivial properties of the recording.

A detector that hardly beats the classifier may have learnt the length, the level or the bandwidth of the classes.
"""

from collections.abc import Sequence

import numpy as np

from codecfake.audio import features
from codecfake.audio import io as audio
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number


def random_scores(names: Sequence[str], seed: int) -> np.ndarray:
    """Return random scores, float64 [N], uniform in [0, 1]; each depends only on `seed` and the trial's name."""
    return np.array([stable_number(f"{seed} {name}") / 2**64 for name in names], dtype=np.float64)


def trivial_features(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Measure the properties of an utterance that a detector should not rely on.

    The level is measured over non-silent frames; leading and trailing silence end at the first and last of them.
    For digital silence, both silences equal the length, the bandwidth is 0 and each level is `features.FLOOR_DB`.

    Args:
        samples: float32 [N] at `sample_rate` Hz.

    Returns:
        Finite values, float64 [7]: length (s), level and peak (dBFS), leading and trailing silence (s), bandwidth (Hz),
        and share of the power above 7 kHz (dB).

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, "features")
    level, *others = features.level_and_band(samples, sample_rate)
    peak = features.decibels(np.max(samples.astype(np.float64) ** 2))
    return np.array([len(samples) / sample_rate, level, peak, *others])


def fit_and_score(train: np.ndarray, labels: np.ndarray, evaluated: np.ndarray) -> np.ndarray:
    """Fit a logistic regression to standardised features, with balanced class weights, and score `evaluated`.

    Args:
        train: features [N, K].
        labels: int [N], 1 = bona fide, 0 = spoof.
        evaluated: features [M, K].

    Returns:
        Log-odds of bona fide, float64 [M].

    Raises:
        DataError: a class has no utterance in `train`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for label, name in ((1, "bona fide"), (0, "spoof")):
        if not np.any(labels == label):
            raise DataError(f"no {name} among {len(labels)} training utterances; both classes are needed")
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", solver="lbfgs", max_iter=1000))
    return model.fit(train, labels).decision_function(evaluated)
