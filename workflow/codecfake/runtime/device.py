"""Torch devices, batch splitting on out-of-memory errors, and seeding."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from codecfake.runtime import cuda
from codecfake.util.errors import ConfigError
from codecfake.util.files import write_json

Result = TypeVar("Result")


def torch_device(name: str) -> str:
    """Return the torch device for a config's `device`; `auto` is CUDA if available, else the CPU.

    Raises:
        ConfigError: this machine has no such device, or it has a GPU that torch cannot use.
    """
    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    kind, _, number = name.partition(":")
    lacks_cuda = kind in ("auto", "cuda") and "cuda" not in here
    if lacks_cuda and (there := cuda.evidence()):
        raise ConfigError(f"device: {name}: there is a GPU ({there}), but {cuda.obstacle()}\n{cuda.WAY_OUT}")
    if name == "auto":
        name = "cuda" if "cuda" in here else "cpu"
    if name not in here:
        why = f"\n{cuda.obstacle()}" if lacks_cuda else ""
        raise ConfigError(f"device: this machine has no {name!r}; allowed: auto, {', '.join(here)}{why}")
    if name.startswith("cuda") and (lacking := cuda.without_code(int(number or 0))):
        raise ConfigError(f"device: {name}: {lacking}\n{cuda.WAY_OUT}")
    return name


class BatchSplitter:
    """Batch size that is permanently halved each time the device runs out of memory."""

    def __init__(self) -> None:
        self._most: int | None = None

    def run(self, number: int, attempt: Callable[[int], Result], least: int = 1) -> Result:
        """Return the result of `attempt(size)`, which computes all `number` items in batches of `size`.

        Args:
            least: minimum batch size.

        Raises:
            torch.OutOfMemoryError: there is no memory even for `least` items.
        """
        size = max(min(number, self._most or number), least)
        while True:
            try:
                return attempt(size)
            except torch.OutOfMemoryError:
                if size == least:
                    raise
            # outside `except`, whose traceback keeps the attempt's tensors alive
            size = self._most = max(size // 2, least)
            torch.cuda.empty_cache()
            print("out of memory on the device: batch size halved from now on", file=sys.stderr, flush=True)


def seed_all(value: int) -> None:
    """Seed the random generators of Python, NumPy and torch."""
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)


def write_gpu_use(path: Path, device: str) -> None:
    """Write the name and peak memory (MiB) of this process's GPU as JSON; without a GPU, remove the file."""
    path.unlink(missing_ok=True)
    if torch.device(device).type == "cuda":
        peak = torch.cuda.max_memory_reserved() / 2**20
        write_json(path, {"gpu": torch.cuda.get_device_name(), "peak_mb": round(peak)})
