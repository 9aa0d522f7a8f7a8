"""CM scores: a detector over the trials of a protocol, or over a user's own files."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from codecfake import audio
from codecfake.compute import Portions
from codecfake.dataset import TrialDataset, batches, fixed_length
from codecfake.detectors import Detector


@torch.inference_mode()
def score_trials(model: Detector, dataset: TrialDataset, batch_size: int, workers: int) -> np.ndarray:
    """CM scores, float64 [N], of every trial on its fixed crop."""
    model.eval()
    portions = Portions()
    scores = []
    for waveforms, _ in tqdm(batches(dataset, batch_size, workers), desc="score", unit="batch", mininterval=5):
        scores.append(portions.of(len(waveforms), partial(_score, model, waveforms)))
    return torch.cat(scores).numpy()


def _score(model: Detector, waveforms: torch.Tensor, portion: int) -> torch.Tensor:
    device = next(model.parameters()).device
    return torch.cat([model.cm_score(model(some.to(device))).cpu().double() for some in waveforms.split(portion)])


def score_protocol(
    model: Detector, trials: pd.DataFrame, resynthesised: Path, batch_size: int, workers: int
) -> pd.DataFrame:
    """Score every eval trial once, bona fide ones too; the result is `manifest.Scores`."""
    rows = trials[trials["split"] == "eval"].reset_index(drop=True)
    dataset = TrialDataset(rows, resynthesised, model.sample_rate, model.crop_samples)
    scores = score_trials(model, dataset, batch_size, workers)
    return pd.DataFrame({"filename": trial_names(rows), "cm-score": scores.round(6)})


def trial_names(trials: pd.DataFrame) -> pd.Series:
    """The file name of each trial: CODEC+UTTERANCE_ID."""
    return trials["codec"] + "+" + trials["utterance_id"]


@torch.inference_mode()
def score_files(model: Detector, paths: list[Path]) -> Iterator[tuple[Path, float]]:
    """The CM score of each audio file, of any rate and number of channels, on its fixed crop.

    Raises:
        AudioError: a file cannot be read, or is shorter than a frame of 20 ms.
    """
    model.eval()
    device = next(model.parameters()).device
    for path in paths:
        samples, sample_rate = audio.read(path)
        samples = audio.resample(samples, sample_rate, model.sample_rate)
        audio.check(samples, str(path), minimum=model.sample_rate // 50)
        crop = torch.from_numpy(fixed_length(samples, model.crop_samples).copy()).to(device)
        yield path, float(model.cm_score(model(crop[None]))[0])
