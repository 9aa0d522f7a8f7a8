"""The state of a training after an epoch, saved so that a stopped training can resume."""

import json
import math
import sys
from pathlib import Path

import torch

from codecfake import detectors
from codecfake.data.checkpoints import write_checkpoint
from codecfake.runtime.device import seed_all
from codecfake.training.swa import Average
from codecfake.util.fingerprint import Fingerprint, differences
from codecfake.util.hashing import digest


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a model's state_dict on the CPU."""
    return {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}


class TrainingState:
    """A model being trained, its optimiser, and the best epoch on dev so far.

    Args:
        entry: the detector's entry in detectors.yaml, with its training settings.
        fingerprint: digests of the other inputs that determine the result (data, code); see `restore`.
        front_end: file of pretrained front-end weights, for detectors with a self-supervised front end.

    Attributes:
        history: one row per epoch: epoch, learning_rate (of the last step), train_loss, error on dev.
        best, best_rank, best_epoch: weights of the best epoch on dev, its `Objective.selection_metric` and its number.
    """

    def __init__(self, entry: dict, device: str, seed: int, fingerprint: Fingerprint, front_end: Path | None):
        self.entry, self.settings, self.device = entry, entry["training"], torch.device(device)
        self.fingerprint = {
            "entry": digest(json.dumps(entry, sort_keys=True)),
            "seed": str(seed),
            "device": self.device.type,
            **fingerprint,
        }
        seed_all(seed)
        self.model = detectors.build(entry)
        if front_end:
            self.model.load_front_end(front_end)
        self.model.to(self.device)
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(
            self.trained, lr=entry["learning_rate"], weight_decay=self.settings["weight_decay"]
        )
        self.amp = self.settings["amp"] and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.amp)
        self.average = Average()
        self.best: dict[str, torch.Tensor] = {}
        self.best_rank, self.best_epoch = (2.0, 0.0), 0
        self.history: list[dict] = []

    def save(self, path: Path) -> None:
        content = {
            "fingerprint": self.fingerprint,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average.state(),
            "best": self.best,
            "best_rank": self.best_rank,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }
        write_checkpoint(path, content)

    def restore(self, path: Path) -> None:
        """Load a state written by `save`; a state with another fingerprint is ignored, with a message."""
        content = torch.load(path, map_location="cpu", weights_only=True)
        if changed := differences(content.get("fingerprint", {}), self.fingerprint):
            epochs = len(content["history"])
            print(f"{path}: {epochs} epochs are trained again, because these changed: {changed}", file=sys.stderr)
            return
        for name in ("model", "optimiser", "scaler"):
            getattr(self, name).load_state_dict(content[name])
        self.average = Average(*content["average"])
        self.best, self.best_epoch, self.history = content["best"], content["best_epoch"], content["history"]
        self.best_rank = tuple(content["best_rank"])

    @property
    def ended(self) -> bool:
        """Whether all epochs are done, or the last `patience` epochs brought no improvement on dev."""
        patience = self.settings.get("patience", math.inf)
        return len(self.history) >= self.entry["epochs"] or len(self.history) - self.best_epoch >= patience

    def note(self, learning_rate: float, loss: float, rank: tuple[float, float], error: str) -> None:
        """Record an epoch, and keep its weights if it is the best on dev so far.

        Args:
            rank: the epoch's `Objective.selection_metric`.
            error: the `history` column of the error on dev, the first number of `rank`.
        """
        epoch = len(self.history) + 1
        if self.settings["average"] and rank[0] <= self.best_rank[0]:
            self.average.add(self.model.state_dict())
        if rank < self.best_rank:
            self.best, self.best_rank, self.best_epoch = snapshot(self.model), rank, epoch
        self.history.append({"epoch": epoch, "learning_rate": learning_rate, "train_loss": loss, error: rank[0]})
