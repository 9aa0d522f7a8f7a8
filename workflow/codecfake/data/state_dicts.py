"""Fit the state_dict of a checkpoint to a model whose training program named or wrapped it differently."""

from collections.abc import Collection

import torch

#: Keys under which training programs store a state_dict.
CONTAINERS = ("state_dict", "model_state_dict", "model", "best_state")
#: Prefixes that wrappers (DataParallel, Lightning modules) put before every key.
PREFIXES = ("module.", "model.")
#: Names of a weight-normalised layer's parameters: in `torch.nn.utils.weight_norm`, and in its successor.
WEIGHT_NORM = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
#: Number of keys that a message names.
SHOWN = 4


def fitting(content: dict, model: torch.nn.Module, unused: tuple[str, ...] = ()) -> dict:
    """Return the state_dict in a checkpoint with the keys of a model, if they are the same under another name.

    Args:
        content: a state_dict, or a dict that holds one under one of `CONTAINERS`.
        unused: prefixes of keys that the model does not need.

    Returns:
        A state_dict with exactly the model's keys; or the one that was found, unchanged, if no renaming is exact.
    """
    expected = model.state_dict().keys()
    state = _unwrapped(content, expected)
    for renamed in _renamings(state, expected):
        kept = {key: value for key, value in renamed.items() if not key.startswith(unused) or key in expected}
        if kept.keys() == expected:
            return kept
    return state


def difference(state: dict, model: torch.nn.Module) -> str:
    """Return in words how a state_dict's keys and shapes differ from a model's; empty if they do not."""
    expected = model.state_dict()
    shapes = [
        f"{key} {_shape(state[key])} instead of {_shape(value)}"
        for key, value in expected.items()
        if key in state and _shape(state[key]) != _shape(value)
    ]
    parts = {
        "missing keys": [key for key in expected if key not in state],
        "unknown keys": [key for key in map(str, state) if key not in expected],
        "other shapes": shapes,
    }
    return "; ".join(f"{kind}: {len(found)} ({_some(found)})" for kind, found in parts.items() if found)


def _unwrapped(content: dict, expected: Collection[str]) -> dict:
    """Return the state_dict that a dict holds, or the dict itself."""
    for name in CONTAINERS:
        if isinstance(content.get(name), dict) and name not in expected:
            return _unwrapped(content[name], expected)
    return content


def _renamings(state: dict, expected: Collection[str]) -> list[dict]:
    """Return the state_dict without common prefixes, and each of these with the weight normalisation's names."""
    found = [{str(key): value for key, value in state.items()}]
    while prefix := next((one for one in PREFIXES if all(key.startswith(one) for key in found[-1])), None):
        if not found[-1]:
            break
        found.append({key.removeprefix(prefix): value for key, value in found[-1].items()})
    return [*found, *({_name_in(expected, key): value for key, value in one.items()} for one in found)]


def _name_in(expected: Collection[str], key: str) -> str:
    """Return the model's name of a parameter of weight normalisation, or the key itself."""
    for old, new in WEIGHT_NORM.items():
        for one, other in ((old, new), (new, old)):
            if key.endswith(f".{one}") and (name := key.removesuffix(one) + other) in expected:
                return name
    return key


def _shape(value: object) -> list[int] | str:
    return list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
