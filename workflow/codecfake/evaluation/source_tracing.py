"""Source tracing: which codec, or which codec family, produced an utterance.

A tracer is a detector network with one logit per class; bona fide speech is one of the classes. It is closed-set: an
utterance of an unknown codec is assigned to a known class. It can only guess between codecs with identical output.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.data import tables
from codecfake.evaluation import bootstrap
from codecfake.trials.protocol import trial_names


class Traces(tables.Table):
    """The log posteriors of a tracer for trials."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    log_posterior: float = pa.Field(
        alias=r"^log_p\(.+\)$",
        regex=True,
        le=0,
        description="log_p(CLASS) for each class (natural logarithm); the predicted class is the one with the highest "
        "value, the first of equal values",
    )


class Confusion(tables.Table):
    """The number of eval trials of each pair of true and predicted class."""

    true_class: str = pa.Field(description="class of the codec that produced the trials")
    predicted_class: str = pa.Field(description="class that the tracer predicted")
    trials: int = pa.Field(ge=0, description="number of trials")

    class Config(tables.Table.Config):
        unique: ClassVar = ["true_class", "predicted_class"]


#: Measures over all classes, and per class. Balanced accuracy is the mean recall, macro F1 the mean of the classes' F1.
OVERALL, BY_CLASS = ("accuracy", "balanced_accuracy", "macro_f1"), ("recall", "precision")


class TracingMeasures(tables.Table):
    """The performance of a tracer on eval. Values are fractions."""

    measure: str = pa.Field(isin=(*OVERALL, *BY_CLASS), description="name of the measure")
    class_: str = pa.Field(alias="class", description="the class; empty for measures over all classes")
    trials: int = pa.Field(ge=0, description="number of trials of the class, or of all classes")
    speakers: int = pa.Field(gt=0, description="number of speakers of all trials")
    value: float = pa.Field(
        in_range=tables.RATE,
        nullable=True,
        description="empty: the recall of a class without trials, or the precision of a class never predicted",
    )
    low: float = pa.Field(
        nullable=True, description="95 % interval from resampling speakers, lower end; empty for one speaker"
    )
    high: float = pa.Field(nullable=True, description="the upper end of that interval")

    class Config(tables.Table.Config):
        unique: ClassVar = ["measure", "class"]


def confusions(traces: pd.DataFrame, trials: pd.DataFrame, labels: np.ndarray, classes: int) -> np.ndarray:
    """Count trials by speaker (sorted by name), true class and predicted class, int64 [S, C, C].

    Args:
        traces: `Traces` of the trials, in any order.
        labels: true class index of each trial, int [N].
        classes: number of classes.
    """
    predicted = traces.set_index("filename").loc[trial_names(trials)].to_numpy().argmax(axis=1)
    speakers, speaker = np.unique(trials["speaker_id"], return_inverse=True)
    counts = np.zeros((len(speakers), classes, classes), np.int64)
    np.add.at(counts, (speaker, labels, predicted), 1)
    return counts


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Sum `confusions` over speakers, as `Confusion`."""
    rows = pd.MultiIndex.from_product([classes, classes], names=["true_class", "predicted_class"])
    table = pd.DataFrame({"trials": counts.sum(axis=0).ravel()}, rows).reset_index()
    return tables.check(table, Confusion, "confusion")


def measures(counts: np.ndarray, classes: Sequence[str], seed: int) -> pd.DataFrame:
    """Compute the measures of a tracer from its `confusions`, as `TracingMeasures`.

    Intervals are percentiles of a bootstrap over speakers; see `bootstrap`. Resamples in which a measure is undefined
    are left out of its interval.

    Args:
        seed: seed of the bootstrap.
    """
    speakers, of_class = len(counts), counts.sum(axis=(0, 2))
    low = high = np.nan
    if speakers > 1:
        drawn = bootstrap.resampled(speakers, seed)
        resampled = pd.DataFrame(_measures(np.tensordot(drawn, counts, axes=1)))
        low, high = (resampled.quantile((1 + side * bootstrap.CONFIDENCE) / 2).to_numpy() for side in (-1, 1))
    table = pd.DataFrame(
        {
            "measure": [*OVERALL, *(name for name in BY_CLASS for _ in classes)],
            "class": [*("" for _ in OVERALL), *(name for _ in BY_CLASS for name in classes)],
            "trials": [*(of_class.sum() for _ in OVERALL), *(number for _ in BY_CLASS for number in of_class)],
            "speakers": speakers,
            "value": _measures(counts.sum(axis=0)),
            "low": low,
            "high": high,
        }
    )
    return tables.check(table.round(tables.DIGITS), TracingMeasures, "tracing")


def _measures(counts: np.ndarray) -> np.ndarray:
    """Compute measures [..., 3 + 2 C] from counts of trials [..., C, C], in the order of `OVERALL` and `BY_CLASS`.

    The mean recall leaves out classes without trials; the mean F1 leaves out those that are also never predicted.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / predicted, 2 * right / (true + predicted)
    overall = [right.sum(axis=-1) / true.sum(axis=-1), np.nanmean(recall, axis=-1), np.nanmean(f1, axis=-1)]
    return np.concatenate([np.stack(overall, axis=-1), recall, precision], axis=-1)
