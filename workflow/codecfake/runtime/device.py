"""Where torch computes, how much at once, and from which seed."""

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
    """The torch device for a config's `device`; `auto` is CUDA where there is one.

    Raises:
        ConfigError: this machine has no such device, or has a GPU that torch cannot use.
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
    """How many items are computed at once: halved, for good, each time the device has no memory for so many."""

    def __init__(self) -> None:
        self._most: int | None = None

    def run(self, number: int, attempt: Callable[[int], Result], least: int = 1) -> Result:
        """The result of `attempt(size)`, which computes all `number` items, `size` at a time.

        Args:
            least: what cannot be divided.

        Raises:
            torch.OutOfMemoryError: there is no memory for `least`.
        """
        size = max(min(number, self._most or number), least)
        while True:
            try:
                return attempt(size)
            except torch.OutOfMemoryError:
                if size == least:
                    raise
            # outside of `except`, whose traceback keeps the attempt's tensors alive
            size = self._most = max(size // 2, least)
            torch.cuda.empty_cache()
            print("out of memory on the device: half as much at a time from here on", file=sys.stderr, flush=True)


def seed_all(value: int) -> None:
    """Seed every generator a library may draw from."""
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)


def write_gpu_use(path: Path, device: str) -> None:
    """Write the name of the GPU this process computed on and the most memory it had of it; nothing without one."""
    path.unlink(missing_ok=True)
    if torch.device(device).type == "cuda":
        peak = torch.cuda.max_memory_reserved() / 2**20
        write_json(path, {"gpu": torch.cuda.get_device_name(), "peak_mb": round(peak)})
