"""Neural codecs: the contract (`base`) and one adapter module per family, imported when asked for."""

import importlib
import pkgutil
from pathlib import Path

from codecfake.codecs.base import Codec, TrainableCodec
from codecfake.util.errors import CheckpointError, ConfigError

#: Modules of this folder that are no family's, besides those of networks.
SHARED = ("base", "fast")

__all__ = ["Codec", "TrainableCodec", "families", "family_class", "find_files", "load"]


def families() -> list[str]:
    """The families of codecs: each a module of this folder with an `Adapter`."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return [name for name in names if name not in SHARED and not name.endswith("_network")]


def family_class(family: str) -> type[Codec]:
    """The adapter class of a family.

    Raises:
        ConfigError: no adapter has that name, or its package is not installed.
    """
    if family not in families():
        raise ConfigError(f"unknown codec family {family!r}; allowed: {', '.join(families())}")
    try:
        return importlib.import_module(f"codecfake.codecs.{family}").Adapter
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"codec family {family!r} needs the package {error.name!r}, which is not installed; "
            "pip install --no-deps -r envs/requirements.txt brings all of them"
        ) from None


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


def find_files(entry: dict, place: Path) -> dict[str, Path]:
    """A user's own checkpoint files of a codec, by role.

    Args:
        place: a directory that holds the files under their published names, or the one file of a codec that
            has but one.

    Raises:
        CheckpointError: a file is missing, or it is not clear which is meant.
    """
    patterns = family_class(entry["family"]).file_names
    if not place.exists():
        raise CheckpointError(f"{place}: no such checkpoint")
    if place.is_file() and len(patterns) == 1:
        return dict.fromkeys(patterns, place)
    found = {}
    for role, pattern in patterns.items():
        matches = {path.relative_to(place).as_posix(): path for path in sorted(place.glob(pattern)) if path.is_file()}
        published = f"/{entry['files'][role]['key']}"
        chosen = matches if len(matches) == 1 else [name for name in matches if published.endswith(f"/{name}")]
        if len(chosen) != 1:
            names = ", ".join(matches) or "none"
            raise CheckpointError(f"{place}: one file {pattern} ({role}) is needed; found: {names}")
        found[role] = matches[next(iter(chosen))]
    return found
