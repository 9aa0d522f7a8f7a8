"""Detectors (countermeasures): one module per architecture. Networks, which need torch, are imported on demand."""

import importlib
from typing import TYPE_CHECKING

from codecfake.util.modules import defining

if TYPE_CHECKING:
    from codecfake.detectors.base import Detector
    from codecfake.detectors.options import DetectorOptions


def names() -> list[str]:
    """Return the modules that an entry of detectors.yaml may name: those of this folder that define `Options`."""
    return list(defining("Options", *__path__))


def options_of(module: str) -> "type[DetectorOptions]":
    """Return the model of the section `model` of a detector's entry."""
    return importlib.import_module(f"{__name__}.{module}").Options


def build(entry: dict) -> "Detector":
    """Build a detector with random weights from an entry of detectors.yaml.

    An entry with `classes`, the class of each codec, gives a tracer with one logit per class.
    """
    from codecfake.detectors.base import OUTPUTS

    network = importlib.import_module(f"{__name__}.{entry['module']}").network()
    outputs = len(set(entry["classes"].values())) if "classes" in entry else OUTPUTS
    return network(entry["sample_rate"], entry["crop_samples"], **entry["model"], outputs=outputs)
