"""Read torch checkpoints without executing code from them; write them atomically."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import load_file

from codecfake.data.state_dicts import difference, fitting
from codecfake.util.errors import CheckpointError, DataError
from codecfake.util.files import write_bytes
from codecfake.util.foreign import HEAD_BYTES, described

#: NumPy scalar types, which training tools store next to the weights (best loss, learning rate).
NUMBERS = [
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in ("float32", "float64", "int32", "int64", "bool")),
]
FLOAT16_MAX = torch.finfo(torch.float16).max


def half_state_dict(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the state_dict on the CPU, with floating-point tensors in float16 to halve the file.

    The statistics of codebooks that are moving averages (`embed_avg` / `cluster_size` = `embed`) are those of clusters
    of size 1: `embed_avg` is `embed` itself, which the file holds once.

    Raises:
        DataError: a value exceeds float16's range or is not finite.
    """
    state = {
        key: value.detach().cpu().half() if value.is_floating_point() else value.detach().cpu()
        for key, value in model.state_dict().items()
    }
    for key in state:
        prefix, _, name = key.rpartition(".")
        if name == "embed_avg":
            state[key] = state[f"{prefix}.embed"]
        elif name == "cluster_size":
            state[key] = torch.ones_like(state[key])
    for key, value in state.items():
        if not value.isfinite().all():
            largest = model.state_dict()[key].abs().max().item()
            raise DataError(f"weight {key}: largest magnitude {largest:g}, must be at most {FLOAT16_MAX:g} (float16)")
    return state


@contextmanager
def reading_config(path: Path, codec: str) -> Iterator[None]:
    """Raise a `CheckpointError` if a codec's config file cannot be read, or no model can be built from its content."""
    try:
        yield
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError) as error:
        raise CheckpointError(f"{path}: not a readable {codec} config ({error})") from None
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not a {codec} config: {type(error).__name__} {error}") from None


def read_checkpoint(path: Path) -> dict:
    """Read a torch or safetensors checkpoint without executing code from it.

    `weights_only` selects torch's restricted unpickler, which admits tensors, plain containers and `NUMBERS`.

    Raises:
        CheckpointError: the file is missing, is not a checkpoint, or holds other objects.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        with torch.serialization.safe_globals(NUMBERS):
            is_torch = path.suffix != ".safetensors"
            content = torch.load(path, map_location="cpu", weights_only=True) if is_torch else load_file(path)
    except Exception as error:  # torch raises many types for a damaged file
        raise CheckpointError(f"{path}: not a readable checkpoint: {_reason(path, str(error))}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}; a dict is needed")
    return content


def _reason(path: Path, message: str) -> str:
    """Return why torch cannot read a file, from the file's first bytes or from torch's message."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if reason := described(head):
        return reason
    if refused := re.search(r"Unsupported global: GLOBAL ([\w.]+)", message):
        return f"it holds {refused[1]}, and only tensors, numbers, strings, lists and dicts are read, which run no code"
    return "it is damaged, cut short or of another format"


def load_state(model: torch.nn.Module, content: dict, path: Path, unused: tuple[str, ...] = ()) -> None:
    """Load the state_dict in a checkpoint into a model; see `fitting` for the differences that are understood.

    Args:
        unused: prefixes of keys that the model does not need.

    Raises:
        CheckpointError: a key is missing or unknown, or a tensor has another shape.
    """
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: its state_dict is a {type(content).__name__}; a dict is needed")
    state = fitting(content, model, unused)
    if differs := difference(state, model):
        raise CheckpointError(f"{path}: does not fit {type(model).__name__}: {differs}")
    model.load_state_dict(state, strict=True)


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a torch checkpoint atomically.

    Serialises to memory first: given a path, torch stores its name in the file and hides why a write failed.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getbuffer())
