"""Source tracing: which codec, or which family of codecs, made an utterance.

A tracer is a detector's network with a logit for each class, of which bona fide speech is one. It tells one of its
classes of anything: an utterance of a codec that it does not know is told one of the others. Between codecs that make
the same samples it can only guess.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.data import tables
from codecfake.evaluation import bootstrap
from codecfake.trials.protocol import trial_names

#: Digits after the point of what is written.
DIGITS = 6


class Traces(tables.Table):
    """What a tracer says of trials."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    log_posterior: float = pa.Field(
        alias=r"^log_p\(.+\)$",
        regex=True,
        le=0,
        description="log_p(CLASS) for each class, natural logarithm; the class told is that of the highest, the first "
        "of equal ones",
    )


class Confusion(tables.Table):
    """How many eval trials of a class are told each class."""

    true_class: str = pa.Field(description="of the codec that made them")
    predicted_class: str = pa.Field(description="by the tracer")
    trials: int = pa.Field(ge=0, description="how many")

    class Config(tables.Table.Config):
        unique: ClassVar = ["true_class", "predicted_class"]


#: Of all classes, then of each. Accuracy is of trials; balanced, the mean recall; macro, the mean of the classes' F1.
OVERALL, BY_CLASS = ("accuracy", "balanced_accuracy", "macro_f1"), ("recall", "precision")


class TracingMeasures(tables.Table):
    """How good a tracer is on eval. Values as fractions."""

    measure: str = pa.Field(isin=(*OVERALL, *BY_CLASS), description="see `_measures`")
    class_: str = pa.Field(alias="class", description="the class; empty of all together")
    trials: int = pa.Field(ge=0, description="of that class, or of all")
    speakers: int = pa.Field(gt=0, description="of all trials")
    value: float = pa.Field(
        in_range=tables.RATE,
        nullable=True,
        description="empty: the recall of a class without trials, the precision of one never told",
    )
    low: float = pa.Field(nullable=True, description="its 95 % interval, by resampling speakers; empty of one speaker")
    high: float = pa.Field(nullable=True, description="the same, its upper end")

    class Config(tables.Table.Config):
        unique: ClassVar = ["measure", "class"]


def confusions(traces: pd.DataFrame, trials: pd.DataFrame, labels: np.ndarray, classes: int) -> np.ndarray:
    """Numbers of trials by speaker (in the order of their names), true class and class told, int64 [S, C, C].

    Args:
        traces: `Traces` of the trials, in any order.
        labels: the true class of each trial, int [N].
        classes: how many there are.
    """
    predicted = traces.set_index("filename").loc[trial_names(trials)].to_numpy().argmax(axis=1)
    speakers, speaker = np.unique(trials["speaker_id"], return_inverse=True)
    counts = np.zeros((len(speakers), classes, classes), np.int64)
    np.add.at(counts, (speaker, labels, predicted), 1)
    return counts


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """`confusions` of all speakers, as `Confusion`."""
    rows = pd.MultiIndex.from_product([classes, classes], names=["true_class", "predicted_class"])
    table = pd.DataFrame({"trials": counts.sum(axis=0).ravel()}, rows).reset_index()
    return tables.check(table, Confusion, "confusion")


def measures(counts: np.ndarray, classes: Sequence[str], seed: int) -> pd.DataFrame:
    """How good a tracer is by its `confusions`, as `TracingMeasures`.

    Intervals are percentiles over resamples of the speakers, with replacement, as many as there are: see `bootstrap`.
    A value that a resample does not have is left out of its interval.

    Args:
        seed: of the resamples.
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
    return tables.check(table.round(DIGITS), TracingMeasures, "tracing")


def _measures(counts: np.ndarray) -> np.ndarray:
    """Numbers of trials [..., C, C] to measures [..., 3 + 2 C], in the order of `OVERALL` and `BY_CLASS`.

    A class that has no trials is left out of the mean recall, one that is never told either, of the mean F1.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / predicted, 2 * right / (true + predicted)
    overall = [right.sum(axis=-1) / true.sum(axis=-1), np.nanmean(recall, axis=-1), np.nanmean(f1, axis=-1)]
    return np.concatenate([np.stack(overall, axis=-1), recall, precision], axis=-1)
