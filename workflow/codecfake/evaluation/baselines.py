"""Scores that no network gives: chance, and what can be told from how a recording was made, not from the speech in it.

A detector that these come near to may have learnt the length, the level or the bandwidth of its classes.
"""

from collections.abc import Sequence

import numpy as np

from codecfake.audio import features
from codecfake.audio import io as audio
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number

#: What `trivial_features` gives, in its order.
FEATURES = (
    "length_s",
    "level_dbfs",
    "peak_dbfs",
    "leading_silence_s",
    "trailing_silence_s",
    "bandwidth_hz",
    "above_7khz_db",
)


def random_scores(names: Sequence[str], seed: int) -> np.ndarray:
    """Scores that know nothing of the audio: float64 [N], uniform in [0, 1], each from `seed` and its name alone."""
    return np.array([stable_number(f"{seed} {name}") / 2**64 for name in names], dtype=np.float64)


def trivial_features(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What a detector should not live on, of one utterance.

    Levels are of the frames that are not silence; silence is what comes before the first of them and after the last.
    Of digital silence, all is leading and all is trailing, the bandwidth is 0 and each level `features.FLOOR_DB`.

    Args:
        samples: float32 [N] at `sample_rate` Hz.

    Returns:
        float64 [K], as `FEATURES` names them; all finite.

    Raises:
        AudioError: the samples are empty or not finite.
    """
    audio.check(samples, "features")
    level, *others = features.level_and_band(samples, sample_rate)
    peak = features.decibels(np.max(samples.astype(np.float64) ** 2))
    return np.array([len(samples) / sample_rate, level, peak, *others])


def fit_and_score(train: np.ndarray, labels: np.ndarray, evaluated: np.ndarray) -> np.ndarray:
    """Logistic regression of standardised features, both classes weighing the same whatever their sizes.

    Args:
        train: features [N, K].
        labels: int [N], 1 = bona fide, 0 = spoof.
        evaluated: features [M, K].

    Returns:
        Log-odds of bona fide, float64 [M].

    Raises:
        DataError: there is only one class to learn from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for label, name in ((1, "bona fide"), (0, "spoof")):
        if not np.any(labels == label):
            raise DataError(f"no {name} among {len(labels)} utterances to learn from; both classes are needed")
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", solver="lbfgs", max_iter=1000))
    return model.fit(train, labels).decision_function(evaluated)
