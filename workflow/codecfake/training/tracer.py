"""Train a tracer: a detector network with one logit per codec class."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from codecfake.data.checkpoints import write_checkpoint
from codecfake.evaluation.objectives import Tracing
from codecfake.training.trainer import Trained, fit


def train_tracer(trials: pd.DataFrame, waveforms: Sequence[Path], entry: dict, **options) -> Trained:
    """Train a tracer and keep the epoch with the lowest balanced error on dev; see `trainer.fit`."""
    return fit(Tracing(entry["classes"]), trials, waveforms, entry, **options)


def save_tracer(trained: Trained, name: str, entry: dict, path: Path) -> None:
    """Write a tracer checkpoint, which `loading.load_tracer` reads."""
    measured = {f"dev_{Tracing.error}": trained.dev_error}
    write_checkpoint(path, {"detector": name, "entry": entry, **measured, "state_dict": trained.state_dict})
