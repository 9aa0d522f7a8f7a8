"""Detectors (countermeasures): the contract (`base`) and one module per architecture."""

import importlib
from pathlib import Path

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors.base import BONAFIDE, OUTPUTS, SPOOF, Detector
from codecfake.util.errors import CheckpointError

__all__ = ["BONAFIDE", "SPOOF", "Detector", "build", "load", "load_published", "load_tracer"]


def build(entry: dict) -> Detector:
    """A detector with random weights, from an entry of detectors.yaml.

    One with `classes`, the class of each codec, is a tracer's, which has a logit for each class.
    """
    module = importlib.import_module(f"codecfake.detectors.{entry['module']}")
    outputs = len(set(entry["classes"].values())) if "classes" in entry else OUTPUTS
    return module.Model(entry["sample_rate"], entry["crop_samples"], **entry["model"], outputs=outputs)


def load(path: Path, name: str, device: str) -> Detector:
    """The detector `name` as `train` saved it, on a device, ready to score.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another detector or a tracer.
    """
    model, entry = _load(path, name)
    if "classes" in entry:
        raise CheckpointError(f"{path}: holds a tracer; a detector, as `train` saves it, was asked for")
    return model.to(device).eval()


def load_tracer(path: Path, name: str, device: str) -> tuple[Detector, dict[str, str]]:
    """The tracer with the network of detector `name` as `train-tracer` saved it, and the class of each codec.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another detector or no tracer.
    """
    model, entry = _load(path, name)
    if "classes" not in entry:
        raise CheckpointError(f"{path}: holds a detector; a tracer, as `train-tracer` saves it, was asked for")
    return model.to(device).eval(), entry["classes"]


def _load(path: Path, name: str) -> tuple[Detector, dict]:
    """A saved model and its entry."""
    content = read_checkpoint(path)
    missing = sorted({"detector", "entry", "state_dict"} - set(content))
    if missing:
        raise CheckpointError(f"{path}: no detector checkpoint; it lacks {', '.join(missing)}")
    if content["detector"] != name:
        raise CheckpointError(f"{path}: holds a {content['detector']!r} detector; {name!r} was asked for")
    try:
        model = build(content["entry"])
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: no usable detector entry in it ({error})") from None
    load_state(model, content["state_dict"], path)
    return model, content["entry"]


def load_published(entry: dict, path: Path, device: str) -> Detector:
    """The detector of an entry with weights that its authors published, on a device, ready to score.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another model.
    """
    model = build(entry)
    load_state(model, read_checkpoint(path), path)
    return model.to(device).eval()
