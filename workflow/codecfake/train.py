"""Train a detector: cross-entropy on train, selection on dev, resumed after a stop at the last epoch."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from codecfake import compute, detectors, files, metrics
from codecfake.dataset import TrialDataset, batches
from codecfake.errors import DataError
from codecfake.score import score_trials


@dataclass(frozen=True)
class TrainedDetector:
    """What training leaves: the state of the best epoch on dev, and the course of it."""

    state_dict: dict
    dev_eer: float
    history: pd.DataFrame


class _Run:
    """The state that is saved after every epoch."""

    def __init__(self, entry: dict, device: str, seed: int, trials: pd.DataFrame):
        self.made_for = files.digest(json.dumps(entry, sort_keys=True), str(seed), trials.to_csv())
        compute.seed(seed)
        self.model = detectors.build(entry).to(device)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=entry["learning_rate"], weight_decay=1e-4)
        self.best: dict = {}
        self.best_rank = (2.0, 0.0)
        self.history: list[dict] = []
        self.portions = compute.Portions()

    def save(self, path: Path) -> None:
        state = {
            "made_for": self.made_for,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_rank": self.best_rank,
            "history": self.history,
        }
        files.write_checkpoint(path, state)

    def restore(self, path: Path) -> None:
        """Go on from `save`, unless it was made with other settings or trials."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["made_for"] != self.made_for:
            return
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.history = state["best"], state["history"]
        self.best_rank = tuple(state["best_rank"])


def class_weights(labels: np.ndarray) -> torch.Tensor:
    """Weights [2] of the loss under which both classes count the same, however many trials they have.

    Raises:
        DataError: a class has no trial.
    """
    counts = np.bincount(labels, minlength=2)
    if not counts.all():
        raise DataError(f"training trials: {counts[0]} spoof, {counts[1]} bona fide; both classes are needed")
    return torch.tensor(counts.sum() / (2 * counts), dtype=torch.float32)


def train(
    trials: pd.DataFrame,
    resynthesised: Path,
    entry: dict,
    *,
    seed: int,
    device: str,
    workers: int,
    state: Path,
) -> TrainedDetector:
    """Train one detector on the train trials, keep the epoch with the lowest EER on the dev trials.

    Args:
        trials: rows of `manifest.Protocol` of both classes; eval trials are not looked at.
        entry: the detector's entry of detectors.yaml.
        state: where the state after every epoch is kept; removed at the end.
    """
    run = _Run(entry, device, seed, trials)
    if state.is_file():
        run.restore(state)
    training = _dataset(trials, "train", resynthesised, entry, seed)
    dev = _dataset(trials, "dev", resynthesised, entry)
    for epoch in range(len(run.history), entry["epochs"]):
        # seeded by epoch, so that a resumed run draws what an undisturbed one does
        compute.seed(seed * 1000 + epoch)
        training.epoch = epoch
        loss = _one_epoch(run, training, entry["batch_size"], workers, f"epoch {epoch + 1}/{entry['epochs']}")
        scores = score_trials(run.model, dev, entry["batch_size"], workers)
        bonafide = dev.labels == detectors.BONAFIDE
        dev_eer = metrics.eer(scores[bonafide], scores[~bonafide])
        # of two epochs with one EER, the one that keeps the classes further apart
        rank = (dev_eer, -_separation(scores[bonafide], scores[~bonafide]))
        if rank < run.best_rank:
            run.best_rank = rank
            run.best = {key: value.detach().cpu().clone() for key, value in run.model.state_dict().items()}
        run.history.append({"epoch": epoch + 1, "train_loss": loss, "dev_eer": dev_eer})
        run.save(state)
    state.unlink(missing_ok=True)
    return TrainedDetector(run.best, run.best_rank[0], pd.DataFrame(run.history))


def _dataset(
    trials: pd.DataFrame, split: str, resynthesised: Path, entry: dict, seed: int | None = None
) -> TrialDataset:
    rows = trials[trials["split"] == split].reset_index(drop=True)
    return TrialDataset(rows, resynthesised, entry["sample_rate"], entry["crop_samples"], seed)


def _separation(bonafide: np.ndarray, spoof: np.ndarray) -> float:
    """Distance of the class means in pooled standard deviations (d')."""
    spread = np.sqrt((bonafide.var() + spoof.var()) / 2)
    return float((bonafide.mean() - spoof.mean()) / max(spread, 1e-9))


def _one_epoch(run: _Run, dataset: TrialDataset, batch_size: int, workers: int, title: str) -> float:
    """Mean training loss of one pass in random order."""
    weights = class_weights(dataset.labels)
    run.model.train()
    losses = []
    order = torch.randperm(len(dataset)).tolist()
    for waveforms, labels in tqdm(
        batches(dataset, batch_size, workers, order), desc=title, unit="batch", mininterval=5
    ):
        losses.append(run.portions.of(len(labels), partial(_gradient, run, waveforms, labels, weights)))
        run.optimiser.step()
    return float(np.mean(losses))


def _gradient(run: _Run, waveforms: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, portion: int) -> float:
    """Leave a batch's gradient in the model, summed over portions, of which batch normalisation sees one at a time.

    Returns:
        The batch's loss.
    """
    device = next(run.model.parameters()).device
    loss_of = torch.nn.CrossEntropyLoss(weight=weights.to(device))
    run.optimiser.zero_grad()
    total = 0.0
    for some, of in zip(waveforms.split(portion), labels.split(portion), strict=True):
        share = weights[of].sum() / weights[labels].sum()
        loss = loss_of(run.model(some.to(device)), of.to(device)) * share.item()
        loss.backward()
        total += loss.item()
    return total


def save(trained: TrainedDetector, name: str, entry: dict, path: Path) -> None:
    """Write what `detectors.load` reads."""
    content = {"detector": name, "entry": entry, "dev_eer": trained.dev_eer, "state_dict": trained.state_dict}
    files.write_checkpoint(path, content)
