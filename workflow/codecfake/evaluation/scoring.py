"""Compute CM scores of the trials of protocols, or of a user's audio files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.audio.folders import listing, say_left_out
from codecfake.detectors.base import Detector
from codecfake.evaluation.tables import score_table
from codecfake.runtime.device import BatchSplitter
from codecfake.trials.dataset import TrialDataset, fixed_length, in_batches, load, to_device
from codecfake.trials.protocol import evaluated
from codecfake.util.errors import AudioError


def cm_scores(model: Detector, logits: torch.Tensor) -> torch.Tensor:
    """Return the CM scores [B] of a detector's logits [B, 2]."""
    return model.cm_score(logits)


@torch.inference_mode()
def score_trials(
    model: Detector,
    dataset: TrialDataset,
    batch_size: int,
    workers: int,
    chosen: Sequence[int] | None = None,
    predict: Callable[[Detector, torch.Tensor], torch.Tensor] = cm_scores,
) -> np.ndarray:
    """Apply a model to the fixed crops of the chosen trials (by default all), in the given order.

    Args:
        chosen: indices of trials in `dataset`.
        predict: function of the model and its logits that returns the predictions.

    Returns:
        CM scores, float64 [N], or the results of `predict`, float64 [N, ...].
    """
    model.eval()
    device = next(model.parameters()).device
    splitter = BatchSplitter()
    batches = in_batches(range(len(dataset)) if chosen is None else chosen, batch_size)
    scores = [torch.empty(0, dtype=torch.float64)]
    for waveforms, _ in tqdm(load(dataset, batches, workers, device), desc="score", unit="batch", mininterval=5):
        scores.append(splitter.run(len(waveforms), partial(_predict, predict, model, waveforms, device)))
    return torch.cat(scores).numpy()


def _predict(
    predict: Callable, model: Detector, waveforms: torch.Tensor, device: torch.device, size: int
) -> torch.Tensor:
    parts = (predict(model, model(to_device(some, device))) for some in waveforms.split(size))
    return torch.cat([part.cpu().double() for part in parts])


def score_protocol(
    model: Detector, trials: pd.DataFrame, waveforms: Sequence[Path], batch_size: int, workers: int
) -> pd.DataFrame:
    """Score every dev and eval trial of both classes, as `tables.Scores`."""
    rows = evaluated(trials)
    dataset = TrialDataset(rows, waveforms, model.crop_samples)
    return score_table(dataset.names, score_trials(model, dataset, batch_size, workers))


def score_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, float | AudioError]]:
    """Yield the CM score of each audio file; see `logits_of_files`."""
    for path, logits in logits_of_files(model, paths):
        yield path, logits if isinstance(logits, AudioError) else float(model.cm_score(logits)[0])


@torch.inference_mode()
def logits_of_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, torch.Tensor | AudioError]]:
    """Yield the logits [1, C] of the fixed crop of each audio file, of any sample rate and number of channels.

    A file that cannot be read or is shorter than 20 ms yields an error instead.
    """
    model.eval()
    device = next(model.parameters()).device
    for path in paths:
        try:
            samples, sample_rate = audio.read(path)
            samples = audio.resample(samples, sample_rate, model.sample_rate)
            audio.check(samples, str(path), minimum=model.sample_rate // 50)
        except AudioError as error:
            yield path, error
            continue
        crop = torch.from_numpy(fixed_length(samples, model.crop_samples).copy()).to(device)
        yield path, model(crop[None])


def audio_files(paths: Iterable[Path]) -> list[Path]:
    """Return the given files, and for each folder the audio files in it and its subfolders, sorted by path.

    What cannot be used is among them, so that reading it gives an error.

    Raises:
        AudioError: a folder has no audio file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        below = listing(path)
        say_left_out(path, below.others)
        if not below.audio and not below.unusable:
            raise AudioError(f"{path}: no audio files in this folder; allowed: {', '.join(audio.SUFFIXES)}")
        found += sorted([*below.audio, *below.unusable])
    return found
