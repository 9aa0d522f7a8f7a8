"""Deterministic weights, and the output of the upstream implementations with them (shared/golden)."""

import importlib.util
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch


class Golden(NamedTuple):
    """One configuration: constructor arguments, published state_dict keys with shapes, upstream results."""

    config: dict
    keys: dict[str, list[int]]
    input: np.ndarray
    codes: np.ndarray
    output: np.ndarray


def golden(shared: Path, name: str) -> Golden:
    """Load the reference vectors of one configuration; `input` and `output` are float32 [T]."""
    folder = shared / "golden" / name
    model, vectors = json.loads((folder / "model.json").read_text()), np.load(folder / "vectors.npz")
    return Golden(
        model["config"], model["keys"], vectors["input"].reshape(-1), vectors["codes"], vectors["output"].reshape(-1)
    )


def fill_state_dict(shared: Path, state: dict) -> dict:
    """Return a copy of a state_dict with tensors that depend only on key and shape."""
    spec = importlib.util.spec_from_file_location("golden_fill", shared / "golden" / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fill_state_dict(state)


def seeded(state: dict[str, torch.Tensor], gain: float) -> dict[str, torch.Tensor]:
    """Return random weights with the same keys and shapes and a deviation of `gain` / sqrt(number of inputs)."""
    found = {}
    for number, (key, value) in enumerate(sorted(state.items())):
        drawn = np.random.default_rng(number).uniform(-1, 1, tuple(value.shape)).astype(np.float32)
        if value.ndim > 1:
            drawn *= gain / np.sqrt(value[0].numel())
        else:
            drawn = drawn / 4 + key.endswith(("weight", "running_var"))
        found[key] = torch.from_numpy(drawn) if value.is_floating_point() else value
    return found
