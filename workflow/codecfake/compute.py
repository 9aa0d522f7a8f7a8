"""Where torch computes, and from which seed."""

import random

import numpy as np
import torch

from codecfake.errors import ConfigError


def device(name: str) -> str:
    """The torch device for a config's `device`; `auto` is CUDA where there is one.

    Raises:
        ConfigError: this machine has no such device.
    """
    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if name == "auto":
        return "cuda" if "cuda" in here else "cpu"
    if name not in here:
        raise ConfigError(f"device: this machine has no {name!r}; allowed: auto, {', '.join(here)}")
    return name


def seed(value: int) -> None:
    """Seed every generator a library may draw from."""
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
