"""Neural codecs: the contract (`base`) and one adapter module per family, imported when asked for."""

import importlib
from pathlib import Path

from codecfake.codecs.base import Codec, TrainableCodec
from codecfake.errors import ConfigError

FAMILIES = ("identity", "encodec", "dac", "speechtokenizer", "lyra")

__all__ = ["FAMILIES", "Codec", "TrainableCodec", "family_class", "load"]


def family_class(family: str) -> type[Codec]:
    """The adapter class of a family.

    Raises:
        ConfigError: no adapter has that name.
    """
    if family not in FAMILIES:
        raise ConfigError(f"unknown codec family {family!r}; allowed: {', '.join(FAMILIES)}")
    return importlib.import_module(f"codecfake.codecs.{family}").Adapter


def load(entry: dict, files: dict[str, Path], device: str) -> Codec:
    """Load the codec of one entry of codecs.yaml.

    Args:
        entry: the entry, with `family`, `sample_rate`, `hop` and what the family needs.
        files: local path of each of the entry's checkpoint files, by role.
        device: torch device name; families that run elsewhere ignore it.

    Raises:
        CheckpointError: a file is missing, corrupt or of another model.
    """
    return family_class(entry["family"]).load(entry, files, device)
