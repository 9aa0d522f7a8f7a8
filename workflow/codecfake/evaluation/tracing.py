"""Apply a tracer to trials, or to a user's audio files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from codecfake.data import tables
from codecfake.detectors.base import Detector
from codecfake.evaluation.objectives import Tracing
from codecfake.evaluation.scoring import logits_of_files, score_trials
from codecfake.evaluation.source_tracing import Traces
from codecfake.trials.dataset import TrialDataset
from codecfake.util.errors import AudioError, DataError


def only_eval(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the eval trials, on which tracers are evaluated.

    Raises:
        DataError: there are no eval trials.
    """
    chosen = trials[trials["split"] == "eval"].reset_index(drop=True)
    if chosen.empty:
        raise DataError("no eval trials; tracing needs at least one")
    return chosen


def trace_trials(
    model: Detector,
    task: Tracing,
    trials: pd.DataFrame,
    waveforms: Sequence[Path],
    batch_size: int,
    workers: int,
) -> pd.DataFrame:
    """Compute the log posteriors of trials with a tracer, as `Traces`."""
    dataset = TrialDataset(trials, waveforms, model.crop_samples, label=task.labels)
    predictions = score_trials(model, dataset, batch_size, workers, predict=task.predict).round(tables.DIGITS)
    table = pd.DataFrame(predictions, columns=[f"log_p({name})" for name in task.classes])
    table.insert(0, "filename", dataset.names)
    return tables.check(table, Traces, "traces")


def trace_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, np.ndarray | AudioError]]:
    """Yield the class probabilities [C] of each audio file; see `scoring.logits_of_files`."""
    for path, logits in logits_of_files(model, paths):
        yield path, logits if isinstance(logits, AudioError) else torch.softmax(logits[0].cpu().double(), 0).numpy()
