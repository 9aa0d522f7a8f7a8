"""Load detectors and tracers: those that a run trained, and those with published weights."""

from pathlib import Path

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors import build
from codecfake.detectors.base import Detector
from codecfake.util.errors import CheckpointError


def load(path: Path, name: str, device: str, entry: dict | None = None) -> Detector:
    """Load the detector `name` onto a device, in evaluation mode.

    Args:
        path: saved by `train`; with `entry` also the weights alone of that entry's model, from any program.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another detector or a tracer.
    """
    content = read_checkpoint(path)
    if entry and not {"detector", "entry"} & set(content):
        model = build(entry)
        load_state(model, content, path)
    else:
        model, entry = _saved(content, path, name)
        if "classes" in entry:
            raise CheckpointError(f"{path}: holds a tracer; expected a detector, as saved by `train`")
    return model.to(device).eval()


def load_tracer(path: Path, name: str, device: str) -> tuple[Detector, dict[str, str]]:
    """Load the tracer that `train-tracer` saved with the network of detector `name`, and the class of each codec.

    Raises:
        CheckpointError: the file is missing, corrupt, or of another network or not of a tracer.
    """
    model, entry = _saved(read_checkpoint(path), path, name)
    if "classes" not in entry:
        raise CheckpointError(f"{path}: holds a detector; expected a tracer, as saved by `train-tracer`")
    return model.to(device).eval(), entry["classes"]


def _saved(content: dict, path: Path, name: str) -> tuple[Detector, dict]:
    """Return a model that `train` or `train-tracer` saved, and its entry."""
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
