"""Load detectors and tracers: those that a run trained, and those with published weights."""

from pathlib import Path

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors import build
from codecfake.detectors.base import Detector
from codecfake.util.errors import CheckpointError


def load(path: Path, name: str, device: str) -> Detector:
    """Load the detector `name` that `train` saved onto a device, in evaluation mode.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another detector or a tracer.
    """
    model, entry = _load(path, name)
    if "classes" in entry:
        raise CheckpointError(f"{path}: holds a tracer; expected a detector, as saved by `train`")
    return model.to(device).eval()


def load_tracer(path: Path, name: str, device: str) -> tuple[Detector, dict[str, str]]:
    """Load the tracer that `train-tracer` saved with the network of detector `name`, and the class of each codec.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another network or not of a tracer.
    """
    model, entry = _load(path, name)
    if "classes" not in entry:
        raise CheckpointError(f"{path}: holds a detector; expected a tracer, as saved by `train-tracer`")
    return model.to(device).eval(), entry["classes"]


def _load(path: Path, name: str) -> tuple[Detector, dict]:
    """Return a saved model and its entry."""
    content = read_checkpoint(path)
    missing = sorted({"detector", "entry", "state_dict"} - set(content))
    if missing:
        raise CheckpointError(f"{path}: not a detector checkpoint; missing: {', '.join(missing)}")
    if content["detector"] != name:
        raise CheckpointError(f"{path}: holds a {content['detector']!r} detector; expected {name!r}")
    try:
        model = build(content["entry"])
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: its detector entry is invalid ({error})") from None
    load_state(model, content["state_dict"], path)
    return model, content["entry"]


def load_published(entry: dict, path: Path, device: str) -> Detector:
    """Load an entry's detector with its authors' published weights onto a device, in evaluation mode.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another model.
    """
    model = build(entry)
    load_state(model, read_checkpoint(path), path)
    return model.to(device).eval()
