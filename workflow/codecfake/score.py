"""CM scores: a detector over the trials of protocols, or over a user's own files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from codecfake import audio, baselines
from codecfake.compute import Portions
from codecfake.dataset import TrialDataset, cm_labels, fixed_length, in_batches, load, to_device
from codecfake.detectors import Detector
from codecfake.errors import AudioError
from codecfake.waveforms import SAMPLE_RATE, Waveforms, trial_names


def cm_scores(model: Detector, logits: torch.Tensor) -> torch.Tensor:
    """CM scores [B] of a detector's logits [B, 2]."""
    return model.cm_score(logits)


@torch.inference_mode()
def score_trials(
    model: Detector,
    dataset: TrialDataset,
    batch_size: int,
    workers: int,
    chosen: Sequence[int] | None = None,
    read: Callable[[Detector, torch.Tensor], torch.Tensor] = cm_scores,
) -> np.ndarray:
    """What a model says of the chosen trials (all by default), in that order, on their fixed crops.

    Args:
        read: makes of its logits what is told.

    Returns:
        CM scores, float64 [N], or what `read` makes, float64 [N, ...].
    """
    model.eval()
    device = next(model.parameters()).device
    portions = Portions()
    batches = in_batches(range(len(dataset)) if chosen is None else chosen, batch_size)
    scores = [torch.empty(0, dtype=torch.float64)]
    for waveforms, _ in tqdm(load(dataset, batches, workers, device), desc="score", unit="batch", mininterval=5):
        scores.append(portions.of(len(waveforms), partial(_read, read, model, waveforms, device)))
    return torch.cat(scores).numpy()


def _read(read: Callable, model: Detector, waveforms: torch.Tensor, device: torch.device, portion: int) -> torch.Tensor:
    return torch.cat([read(model, model(to_device(some, device))).cpu().double() for some in waveforms.split(portion)])


def score_protocol(
    model: Detector, trials: pd.DataFrame, waveforms: Sequence[Path], batch_size: int, workers: int
) -> pd.DataFrame:
    """Score every dev and eval trial once, bona fide ones too; the result is `manifest.Scores`."""
    rows = evaluated(trials)
    dataset = TrialDataset(rows, waveforms, model.crop_samples)
    return score_table(dataset.names, score_trials(model, dataset, batch_size, workers))


def evaluated(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that get scores: of eval, and of dev for the threshold."""
    return trials[trials["split"] != "train"].reset_index(drop=True)


def score_table(names: Sequence[str], scores: np.ndarray) -> pd.DataFrame:
    """Scores as `manifest.Scores`."""
    return pd.DataFrame({"filename": names, "cm-score": scores.round(6)})


def score_randomly(trials: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Scores of chance for the trials that `score_protocol` scores, as `manifest.Scores`."""
    names = trial_names(evaluated(trials)).tolist()
    return score_table(names, baselines.random_scores(names, seed))


def score_by_features(trials: pd.DataFrame, waveforms: Sequence[Path]) -> pd.DataFrame:
    """Scores from trivial features, learnt on train, for the trials that `score_protocol` scores."""
    train, rows = trials[trials["split"] == "train"].reset_index(drop=True), evaluated(trials)
    known, asked = (Waveforms(waveforms, trial_names(part).tolist()) for part in (train, rows))
    scores = baselines.fit_and_score(_features(known, "train"), cm_labels(train), _features(asked, "dev and eval"))
    return score_table(trial_names(rows).tolist(), scores)


def _features(waveforms: Waveforms, title: str) -> np.ndarray:
    """`baselines.features` [N, K] of every waveform."""
    numbers = tqdm(range(len(waveforms)), desc=title, unit="utt", mininterval=5)
    return np.stack([baselines.features(audio.from_pcm16(waveforms[number]), SAMPLE_RATE) for number in numbers])


def score_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, float | AudioError]]:
    """The CM score of each audio file; see `logits_of_files`."""
    for path, logits in logits_of_files(model, paths):
        yield path, logits if isinstance(logits, AudioError) else float(model.cm_score(logits)[0])


@torch.inference_mode()
def logits_of_files(model: Detector, paths: Iterable[Path]) -> Iterator[tuple[Path, torch.Tensor | AudioError]]:
    """The logits [1, C] of each audio file, of any rate and number of channels, on its fixed crop.

    A file that cannot be read, or is shorter than a frame of 20 ms, has an error in place of them.
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
    """Files as they are, folders as the audio files anywhere below them, by name.

    Raises:
        AudioError: a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        below = (
            sorted(file for file in path.rglob("*") if file.suffix.lower() in audio.SUFFIXES)
            if path.is_dir()
            else [path]
        )
        if not below:
            raise AudioError(f"{path}: no audio files in this folder; allowed: {', '.join(audio.SUFFIXES)}")
        found += below
    return found
