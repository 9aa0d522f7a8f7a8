"""Train a detector or a tracer: cross-entropy on train, model selection on dev; a stopped training resumes by epoch."""

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
from codecfake.evaluation.objectives import Objective, objective_of
from codecfake.evaluation.scoring import score_trials
from codecfake.runtime.device import BatchSplitter, seed_all
from codecfake.training.distributed import Processes
from codecfake.training.state import TrainingState, snapshot
from codecfake.training.swa import estimate_batch_norm
from codecfake.trials.dataset import TrialDataset, draw, in_batches, load, to_device
from codecfake.util.errors import DataError
from codecfake.util.fingerprint import Fingerprint
from codecfake.util.hashing import digest

#: Logs a named value at a step: log(name, value, step).
Log = Callable[[str, float, int], None]


class Trained(NamedTuple):
    """The result of a training: the selected weights, their error on dev (see `Objective`) and the history by epoch."""

    state_dict: dict
    dev_error: float
    history: pd.DataFrame


def class_weights(labels: np.ndarray, kind: str, classes: Sequence[str]) -> torch.Tensor:
    """Return the class weights [C] of the loss: all 1 (`equal`), or inverse to the number of trials (`balanced`).

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
    """Return the learning rate of a step (from 0): cosine decay over `steps` to `final_share` of the initial rate."""
    final = entry["training"]["final_share"]
    return entry["learning_rate"] * (final + (1 - final) * (1 + math.cos(math.pi * step / steps)) / 2)


class Training:
    """The training of one model.

    Args:
        task: the training objective: detection or source tracing.
        trials: rows of `protocol.Protocol` of all classes; eval trials are ignored.
        waveforms: files of the trials' waveforms.
        state: model, optimiser and history.
        seed: seed of the order of trials and of the crops.
        workers: number of processes that prepare batches.
        classes: class of each codec, by which spoof trials are balanced; see `dataset.draw`.
        processes: the processes among which each batch is divided.
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
        classes: dict[str, str] | None,
        processes: Processes,
    ):
        self.task, self.state, self.seed, self.workers, self.classes = task, state, seed, workers, classes
        self.processes, self.entry = processes, state.entry
        self.trials, dev = (trials[trials["split"] == split].reset_index(drop=True) for split in ("train", "dev"))
        crop = self.entry["crop_samples"]
        self.train = TrialDataset(self.trials, waveforms, crop, seed, label=task.labels)
        self.dev = TrialDataset(dev, waveforms, crop, label=task.labels)
        self.weights = class_weights(self.train.labels, state.settings["class_weights"], task.classes)
        self.steps_an_epoch = len(self.batches(0))
        self.splitter = BatchSplitter()
        if self.processes.is_distributed and state.device.type == "cuda":
            state.model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(state.model)

    def run(self, path: Path, curves: Path | None) -> Trained:
        """Train to the end.

        Args:
            path: file in which the state is saved after every epoch.
            curves: folder of the TensorBoard logs, if any.
        """
        state, is_main, error = self.state, self.processes.is_main, f"dev_{self.task.error}"
        with _curves(curves if is_main else None, len(state.history) * self.steps_an_epoch) as log:
            while not state.ended:
                # seeded by epoch, so that a resumed run equals an uninterrupted one
                seed_all(self.seed * 1000 + len(state.history) + self.processes.rank * 10**6)
                state.note(*self.epoch(len(state.history), log), self.dev_rank(), error)
                log(f"dev/{self.task.error}", state.history[-1][error], len(state.history) * self.steps_an_epoch)
                if is_main:
                    state.save(path)
        chosen, dev_error = state.best, state.best_rank[0]
        if state.settings["average"]:
            chosen, dev_error = self.averaged()
        return Trained(chosen, dev_error, pd.DataFrame(state.history))

    def batches(self, epoch: int) -> list[list[int]]:
        """Draw the batches of an epoch; drop a last batch with fewer trials than processes.

        Raises:
            DataError: all batches have fewer trials than processes.
        """
        self.train.epoch = epoch
        rng = np.random.default_rng([self.seed, epoch])
        order = draw(self.trials, self.classes, rng, self.entry.get("spoof_ratio"))
        size, world_size = self.entry["batch_size"], self.processes.world_size
        if min(size, len(order)) < world_size:
            raise DataError(
                f"batches of {min(size, len(order))} trials for {world_size} processes; each needs at least one"
            )
        return [batch for batch in in_batches(order, size) if len(batch) >= world_size]

    def epoch(self, number: int, log: Log) -> tuple[float, float]:
        """Train for one epoch; return the learning rate of its last step and the mean loss."""
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
        """Run one optimiser step; return this process's share of the batch's loss."""
        state = self.state
        attempt = partial(self._gradient, waveforms, labels, whole_weight)
        # unequal numbers of parts would deadlock synchronised batch normalisation
        loss = self.splitter.run(len(labels), attempt, least=len(labels) if self.processes.is_distributed else 1)
        self.processes.sum_gradients(state.trained)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        if "clip" in state.settings:
            state.scaler.unscale_(state.optimiser)
            torch.nn.utils.clip_grad_norm_(state.trained, state.settings["clip"])
        state.scaler.step(state.optimiser)
        state.scaler.update()
        return loss

    def _gradient(self, waveforms: torch.Tensor, labels: torch.Tensor, whole_weight: float, size: int) -> float:
        """Sum the gradient over parts of `size` trials; batch norm sees one part at a time. Return the total loss."""
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
        """Return the error on dev and the tie-breaker; see `Objective.selection_metric`."""
        mine = self.processes.shard(list(range(len(self.dev))))
        predictions = score_trials(
            self.state.model, self.dev, self.entry["batch_size"], self.workers, mine, self.task.predict
        )
        return self.task.selection_metric(np.array(self.processes.gather(predictions.tolist())), self.dev.labels)

    def averaged(self) -> tuple[dict[str, torch.Tensor], float]:
        """Return the mean weights of the epochs no worse on dev than all epochs before, and their error on dev."""
        state = self.state
        state.average.put_into(state.model)
        batches = self.batches(self.entry["epochs"])
        estimate_batch_norm(state.model, load(self.train, batches, self.workers, state.device))
        return snapshot(state.model), self.dev_rank()[0]


def train(
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
    """Train a detector or a tracer on the train trials and keep the epoch with the lowest error on the dev trials.

    Args:
        entry: an entry of detectors.yaml with its training settings; a tracer's has `classes`, see `detectors.build`.
        device: torch device.
        state: file of the state after every epoch, from which a stopped training resumes; the caller removes it.
        fingerprint: digests of the audio and the code; a state with another fingerprint is ignored.
        front_end: file of pretrained front-end weights, for detectors with a self-supervised front end.
        curves: folder of the TensorBoard logs.
        trials, waveforms, seed, workers, classes, processes: see `Training`.
    """
    task = objective_of(entry)
    made_with = {"trials": digest(trials.to_csv()), "classes": digest(json.dumps(classes)), **(fingerprint or {})}
    training_state = TrainingState(entry, device, seed, made_with, front_end)
    if state.is_file():
        training_state.restore(state)
    options = {"seed": seed, "workers": workers, "classes": classes, "processes": processes or Processes()}
    return Training(task, trials, waveforms, training_state, **options).run(state, curves)


@contextmanager
def _curves(folder: Path | None, steps_done: int) -> Iterator[Log]:
    """Open a TensorBoard log and discard the entries after `steps_done` of an interrupted process."""
    if folder is None:
        yield lambda name, value, step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=steps_done + 1) as writer:
        yield writer.add_scalar


def save(trained: Trained, name: str, entry: dict, path: Path) -> None:
    """Write a checkpoint, which `loading.load` or, for a tracer, `loading.load_tracer` reads."""
    measured = {f"dev_{objective_of(entry).error}": trained.dev_error}
    write_checkpoint(path, {"detector": name, "entry": entry, **measured, "state_dict": trained.state_dict})
