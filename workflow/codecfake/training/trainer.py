"""Train a detector or a tracer: cross-entropy on train, selection on dev, resumed after a stop at the last epoch."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from codecfake.data.checkpoints import write_checkpoint
from codecfake.evaluation.objectives import Detection, Objective
from codecfake.evaluation.scoring import score_trials
from codecfake.runtime.device import BatchSplitter, seed_all
from codecfake.training.distributed import Processes
from codecfake.training.state import TrainingState, snapshot
from codecfake.training.swa import estimate_batch_norm
from codecfake.trials.dataset import TrialDataset, draw, in_batches, load, to_device
from codecfake.util.errors import DataError
from codecfake.util.fingerprint import Fingerprint
from codecfake.util.hashing import digest

#: Notes a value at a step, by name.
Log = Callable[[str, float, int], None]


class Trained(NamedTuple):
    """What training leaves: the state that was chosen, its error on dev (see `Objective`), and the course of it."""

    state_dict: dict
    dev_error: float
    history: pd.DataFrame


def class_weights(labels: np.ndarray, kind: str, classes: Sequence[str] = Detection.classes) -> torch.Tensor:
    """Weights [C] of the loss: `equal`, or `balanced`, by which all classes count the same however many trials.

    Raises:
        DataError: a class has no trial.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if not counts.all():
        found = ", ".join(f"{count} {name}" for count, name in zip(counts, classes, strict=True))
        raise DataError(f"training trials: {found}; {'both' if len(classes) == 2 else 'all'} classes are needed")
    weights = counts.sum() / (len(classes) * counts) if kind == "balanced" else np.ones(len(classes))
    return torch.tensor(weights, dtype=torch.float32)


def learning_rate(entry: dict, step: int, steps: int) -> float:
    """Of a step (from 0) of `steps`: half a cosine from the entry's rate down to its share `final_share`."""
    final = entry["training"]["final_share"]
    return entry["learning_rate"] * (final + (1 - final) * (1 + math.cos(math.pi * step / steps)) / 2)


class Training:
    """One model's training, of which `run` does the whole and the methods the parts.

    Args:
        task: what it is to tell.
        trials: rows of `manifest.Protocol` of all classes; eval trials are not looked at.
        waveforms: files that hold them.
        state: what is trained.
        seed: of the order and the crops.
        workers: processes that prepare batches.
        classes: of each codec, among which spoof is balanced; see `train_sets.draw`.
        processes: the processes among which every batch is shared out.
    """

    def __init__(
        self,
        task: Objective,
        trials: pd.DataFrame,
        waveforms: Sequence[Path],
        state: TrainingState,
        *,
        seed: int,
        workers: int,
        classes: dict[str, str] | None = None,
        processes: Processes | None = None,
    ):
        self.task, self.state, self.seed, self.workers, self.classes = task, state, seed, workers, classes
        self.processes = processes or Processes()
        self.entry, self.crop = state.entry, state.entry["crop_samples"]
        self.trials, dev = (trials[trials["split"] == split].reset_index(drop=True) for split in ("train", "dev"))
        self.train = TrialDataset(self.trials, waveforms, self.crop, seed, label=task.labels)
        self.dev = TrialDataset(dev, waveforms, self.crop, label=task.labels)
        self.weights = class_weights(self.train.labels, state.recipe["class_weights"], task.classes)
        self.steps_an_epoch = len(self.batches(0))
        self.splitter = BatchSplitter()
        if self.processes.is_distributed and state.device.type == "cuda":
            state.model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(state.model)

    def run(self, path: Path, curves: Path | None = None) -> Trained:
        """Train to the end.

        Args:
            path: keeps the state after every epoch.
            curves: a folder for TensorBoard.
        """
        state, is_main, error = self.state, self.processes.is_main, f"dev_{self.task.error}"
        with _curves(curves if is_main else None, len(state.history) * self.steps_an_epoch) as log:
            while not state.ended:
                # seeded by epoch, so that a resumed run draws what an undisturbed one does
                seed_all(self.seed * 1000 + len(state.history) + self.processes.rank * 10**6)
                state.note(*self.epoch(len(state.history), log), self.dev_rank(), error)
                log(f"dev/{self.task.error}", state.history[-1][error], len(state.history) * self.steps_an_epoch)
                if is_main:
                    state.save(path)
        chosen, dev_error = state.best, state.best_rank[0]
        if state.recipe["average"]:
            chosen, dev_error = self.averaged()
        return Trained(chosen, dev_error, pd.DataFrame(state.history))

    def batches(self, epoch: int) -> list[list[int]]:
        """The trials of an epoch; what is left at the end must suffice for every process."""
        self.train.epoch = epoch
        order = draw(self.trials, self.classes, np.random.default_rng([self.seed, epoch]))
        size, world_size = self.entry["batch_size"], self.processes.world_size
        if min(size, len(order)) < world_size:
            raise DataError(f"batches of {min(size, len(order))} trials for {world_size} processes; each needs one")
        return [batch for batch in in_batches(order, size) if len(batch) >= world_size]

    def epoch(self, number: int, log: Log) -> tuple[float, float]:
        """One pass over train: the learning rate at its end and the mean loss."""
        batches = self.batches(number)
        whole_weights = [self.weights[self.train.labels[batch]].sum().item() for batch in batches]
        loader = load(self.train, [self.processes.shard(batch) for batch in batches], self.workers, self.state.device)
        self.state.model.train()
        losses, steps = [], self.entry["epochs"] * self.steps_an_epoch
        bar = tqdm(loader, desc=f"epoch {number + 1}/{self.entry['epochs']}", unit="batch", mininterval=5)
        for step, ((waveforms, labels), whole) in enumerate(
            zip(bar, whole_weights, strict=True), number * self.steps_an_epoch
        ):
            rate = learning_rate(self.entry, step, steps)
            losses.append(self.step(waveforms, labels, whole, rate))
            log("train/loss", losses[-1] * self.processes.world_size, step + 1)
            log("train/learning_rate", rate, step + 1)
        return rate, float(np.sum(self.processes.gather([np.mean(losses)])))

    def step(self, waveforms: torch.Tensor, labels: torch.Tensor, whole_weight: float, rate: float) -> float:
        """One step of the optimiser; this process's share of the batch's loss."""
        state = self.state
        attempt = partial(self._gradient, waveforms, labels, whole_weight)
        # processes that divide their part differently would wait for each other for ever
        loss = self.splitter.run(len(labels), attempt, least=len(labels) if self.processes.is_distributed else 1)
        self.processes.sum_gradients(state.trained)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        if "clip" in state.recipe:
            state.scaler.unscale_(state.optimiser)
            torch.nn.utils.clip_grad_norm_(state.trained, state.recipe["clip"])
        state.scaler.step(state.optimiser)
        state.scaler.update()
        return loss

    def _gradient(self, waveforms: torch.Tensor, labels: torch.Tensor, whole_weight: float, size: int) -> float:
        """Leave the gradient in the model, summed over parts, of which batch normalisation sees one at a time."""
        state, total = self.state, 0.0
        loss_of = torch.nn.CrossEntropyLoss(weight=self.weights.to(state.device), reduction="sum")
        state.optimiser.zero_grad()
        for some, of in zip(waveforms.split(size), labels.split(size), strict=True):
            with torch.autocast(state.device.type, enabled=state.amp):
                logits = state.model(to_device(some, state.device))
            loss = loss_of(logits.float(), of.to(state.device)) / whole_weight
            state.scaler.scale(loss).backward()
            total += loss.item()
        return total

    def dev_rank(self) -> tuple[float, float]:
        """The error on dev, and what decides between epochs of the same; see `Objective.selection_metric`."""
        mine = self.processes.shard(list(range(len(self.dev))))
        predictions = score_trials(
            self.state.model, self.dev, self.entry["batch_size"], self.workers, mine, self.task.predict
        )
        return self.task.selection_metric(np.array(self.processes.gather(predictions.tolist())), self.dev.labels)

    def averaged(self) -> tuple[dict[str, torch.Tensor], float]:
        """The mean weights of the epochs that were the best so far when they came, and their error on dev."""
        state = self.state
        state.average.put_into(state.model)
        batches = self.batches(self.entry["epochs"])
        estimate_batch_norm(state.model, load(self.train, batches, self.workers, state.device))
        return snapshot(state.model), self.dev_rank()[0]


def train(trials: pd.DataFrame, waveforms: Sequence[Path], entry: dict, **options) -> Trained:
    """Train one detector on the train trials, keep the epoch with the lowest EER on the dev trials; see `fit`."""
    return fit(Detection(), trials, waveforms, entry, **options)


def fit(
    task: Objective,
    trials: pd.DataFrame,
    waveforms: Sequence[Path],
    entry: dict,
    *,
    seed: int,
    device: str,
    workers: int,
    state: Path,
    classes: dict[str, str] | None = None,
    front_end: Path | None = None,
    processes: Processes | None = None,
    fingerprint: Fingerprint | None = None,
    curves: Path | None = None,
) -> Trained:
    """Train one model on the train trials, keep the epoch with the lowest error on the dev trials.

    Args:
        entry: of detectors.yaml, with its training recipe; a tracer's has `classes`, see `detectors.build`.
        device: of torch.
        state: file of the state after every epoch, from which a stopped training goes on; the caller's to remove.
        fingerprint: of the audio and the code; a state with another one is not gone on with.
        front_end: published weights of the part of the model that has some.
        curves: a folder for TensorBoard.
        task, trials, waveforms, seed, workers, classes, processes: see `Training`.
    """
    made_with = {"trials": digest(trials.to_csv()), "classes": digest(json.dumps(classes)), **(fingerprint or {})}
    training_state = TrainingState(entry, device, seed, made_with, front_end)
    if state.is_file():
        training_state.restore(state)
    options = {"seed": seed, "workers": workers, "classes": classes, "processes": processes}
    return Training(task, trials, waveforms, training_state, **options).run(state, curves)


@contextmanager
def _curves(folder: Path | None, steps_done: int) -> Iterator[Log]:
    """A log that TensorBoard shows, in which what an earlier process noted after `steps_done` does not count."""
    if folder is None:
        yield lambda name, value, step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=steps_done + 1) as writer:
        yield writer.add_scalar


def save(trained: Trained, name: str, entry: dict, path: Path) -> None:
    """Write what `detectors.load` reads."""
    content = {"detector": name, "entry": entry, "dev_eer": trained.dev_error, "state_dict": trained.state_dict}
    write_checkpoint(path, content)
