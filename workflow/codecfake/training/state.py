"""Where a training stands after an epoch: what is saved, and what a resumed one goes on from."""

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
    """A model's state_dict, copied, on the CPU."""
    return {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}


class TrainingState:
    """A model being trained, its optimiser, and the best epoch on dev so far.

    Args:
        entry: of detectors.yaml, with its training recipe.
        fingerprint: of all that decides what comes of it besides; see `restore`.
        front_end: published weights of the part of the model that has some.

    Attributes:
        history: a row an epoch: epoch, learning_rate (of its last step), train_loss, the error on dev.
        best, best_rank, best_epoch: the weights of the best epoch, what makes it the best, its number.
    """

    def __init__(self, entry: dict, device: str, seed: int, fingerprint: Fingerprint, front_end: Path | None = None):
        self.entry, self.recipe, self.device = entry, entry["training"], torch.device(device)
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
            self.trained, lr=entry["learning_rate"], weight_decay=self.recipe["weight_decay"]
        )
        self.amp = self.recipe["amp"] and self.device.type == "cuda"
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
        """Go on from `save`; the epochs of a state with another fingerprint are discarded, with a message."""
        content = torch.load(path, map_location="cpu", weights_only=True)
        if changed := differences(content.get("fingerprint", {}), self.fingerprint):
            epochs = len(content["history"])
            print(f"{path}: {epochs} epochs are trained again: changed since: {changed}", file=sys.stderr)
            return
        for name in ("model", "optimiser", "scaler"):
            getattr(self, name).load_state_dict(content[name])
        self.average = Average(*content["average"])
        self.best, self.best_epoch, self.history = content["best"], content["best_epoch"], content["history"]
        self.best_rank = tuple(content["best_rank"])

    @property
    def ended(self) -> bool:
        """All epochs are done, or none of the last few (`patience`) was better than the best before."""
        patience = self.recipe.get("patience", math.inf)
        return len(self.history) >= self.entry["epochs"] or len(self.history) - self.best_epoch >= patience

    def note(self, learning_rate: float, loss: float, rank: tuple[float, float], error: str) -> None:
        """Take down an epoch, and its weights if they are the best so far.

        Args:
            rank: see `Task.rank`.
            error: the column of its first number.
        """
        epoch = len(self.history) + 1
        if self.recipe["average"] and rank[0] <= self.best_rank[0]:
            self.average.add(self.model.state_dict())
        if rank < self.best_rank:
            self.best, self.best_rank, self.best_epoch = snapshot(self.model), rank, epoch
        self.history.append({"epoch": epoch, "learning_rate": learning_rate, "train_loss": loss, error: rank[0]})
