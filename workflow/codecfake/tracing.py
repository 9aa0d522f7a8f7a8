"""Source tracing: which codec, or which family of codecs, made an utterance.

A tracer is a detector's network with a logit for each class, of which bona fide speech is one. It tells one of its
classes of anything: an utterance of a codec that it does not know is told one of the others. Between codecs that make
the same samples it can only guess.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pandera.pandas as pa
import torch

from codecfake import bootstrap, files, manifest
from codecfake.dataset import TrialDataset
from codecfake.detectors import Detector
from codecfake.errors import AudioError, DataError
from codecfake.score import logits_of_files, score_trials
from codecfake.tasks import Tracing
from codecfake.train import Trained, fit
from codecfake.waveforms import trial_names

RESAMPLES = 1000
#: Digits after the point of what is written.
DIGITS = 6


class Traces(manifest.Table):
    """What a tracer says of trials."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    log_posterior: float = pa.Field(
        alias=r"^log_p\(.+\)$",
        regex=True,
        le=0,
        description="log_p(CLASS) for each class, natural logarithm; the class told is that of the highest, the first "
        "of equal ones",
    )


class Confusion(manifest.Table):
    """How many eval trials of a class are told each class."""

    true_class: str = pa.Field(description="of the codec that made them")
    told_class: str = pa.Field(description="by the tracer")
    trials: int = pa.Field(ge=0, description="how many")

    class Config(manifest.Table.Config):
        unique: ClassVar = ["true_class", "told_class"]


#: Of all classes, then of each. Accuracy is of trials; balanced, the mean recall; macro, the mean of the classes' F1.
OVERALL, BY_CLASS = ("accuracy", "balanced_accuracy", "macro_f1"), ("recall", "precision")


class TracingMeasures(manifest.Table):
    """How good a tracer is on eval. Values as fractions."""

    measure: str = pa.Field(isin=(*OVERALL, *BY_CLASS), description="see `_measures`")
    class_: str = pa.Field(alias="class", description="the class; empty of all together")
    trials: int = pa.Field(ge=0, description="of that class, or of all")
    speakers: int = pa.Field(gt=0, description="of all trials")
    value: float = pa.Field(
        in_range=manifest.RATE,
        nullable=True,
        description="empty: the recall of a class without trials, the precision of one never told",
    )
    low: float = pa.Field(nullable=True, description="its 95 % interval, by resampling speakers; empty of one speaker")
    high: float = pa.Field(nullable=True, description="the same, its upper end")

    class Config(manifest.Table.Config):
        unique: ClassVar = ["measure", "class"]


def train_tracer(trials: pd.DataFrame, waveforms: Sequence[Path], entry: dict, **options) -> Trained:
    """Train a tracer, keep the epoch with the lowest balanced error on dev; see `train.fit`."""
    return fit(Tracing(entry["classes"]), trials, waveforms, entry, **options)


def save(trained: Trained, name: str, entry: dict, path: Path) -> None:
    """Write what `detectors.load_tracer` reads."""
    measured = {f"dev_{Tracing.error}": trained.dev_error}
    files.write_checkpoint(path, {"detector": name, "entry": entry, **measured, "state_dict": trained.state_dict})


def eval_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Those that tracers are evaluated on.

    Raises:
        DataError: there are none.
    """
    chosen = trials[trials["split"] == "eval"].reset_index(drop=True)
    if chosen.empty:
        raise DataError("no eval trials to be traced")
    return chosen


def trace_trials(
    model: Detector,
    task: Tracing,
    trials: pd.DataFrame,
    waveforms: Sequence[Path],
    batch_size: int,
    workers: int,
) -> pd.DataFrame:
    """What a tracer says of trials, as `Traces`."""
    dataset = TrialDataset(trials, waveforms, model.crop_samples, label=task.labels)
    told = score_trials(model, dataset, batch_size, workers, read=task.read).round(DIGITS)
    table = pd.DataFrame(told, columns=[f"log_p({name})" for name in task.classes])
    table.insert(0, "filename", dataset.names)
    return manifest.check(table, Traces, "traces")


def confusions(traces: pd.DataFrame, trials: pd.DataFrame, task: Tracing) -> np.ndarray:
    """Numbers of trials by speaker (in the order of their names), true class and class told, int64 [S, C, C].

    Args:
        traces: `Traces` of the trials, in any order.
    """
    told = traces.set_index("filename").loc[trial_names(trials)].to_numpy().argmax(axis=1)
    speakers, speaker = np.unique(trials["speaker_id"], return_inverse=True)
    counts = np.zeros((len(speakers), len(task.classes), len(task.classes)), np.int64)
    np.add.at(counts, (speaker, task.labels(trials), told), 1)
    return counts


def confusion_table(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """`confusions` of all speakers, as `Confusion`."""
    rows = pd.MultiIndex.from_product([classes, classes], names=["true_class", "told_class"])
    table = pd.DataFrame({"trials": counts.sum(axis=0).ravel()}, rows).reset_index()
    return manifest.check(table, Confusion, "confusion")


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
        drawn = np.random.default_rng(seed).multinomial(speakers, np.full(speakers, 1 / speakers), size=RESAMPLES)
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
    return manifest.check(table.round(DIGITS), TracingMeasures, "tracing")


def _measures(counts: np.ndarray) -> np.ndarray:
    """Numbers of trials [..., C, C] to measures [..., 3 + 2 C], in the order of `OVERALL` and `BY_CLASS`.

    A class that has no trials is left out of the mean recall, one that is never told either, of the mean F1.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, told = counts.sum(axis=-1), counts.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / told, 2 * right / (true + told)
    overall = [right.sum(axis=-1) / true.sum(axis=-1), np.nanmean(recall, axis=-1), np.nanmean(f1, axis=-1)]
    return np.concatenate([np.stack(overall, axis=-1), recall, precision], axis=-1)


def trace_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, np.ndarray | AudioError]]:
    """The probability of each class [C] for each audio file; see `score.logits_of_files`."""
    for path, logits in logits_of_files(model, paths):
        yield path, logits if isinstance(logits, AudioError) else torch.softmax(logits[0].cpu().double(), 0).numpy()
