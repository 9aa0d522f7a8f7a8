"""Neural codecs: the `Codec` contract (`base`) and one adapter module per family, imported on demand."""

import importlib
from pathlib import Path

from codecfake.codecs.base import Codec, TrainableCodec
from codecfake.util.errors import CheckpointError, ConfigError
from codecfake.util.modules import defining

__all__ = ["Codec", "TrainableCodec", "families", "family_class", "find_files", "load"]


def families() -> list[str]:
    """Return the codec families: the modules of this folder that define an `Adapter`."""
    return list(defining("Adapter", *__path__))


def family_class(family: str) -> type[Codec]:
    """Return the adapter class of a codec family.

    Raises:
        ConfigError: no adapter has that name, or its package is not installed.
    """
    if family not in families():
        raise ConfigError(f"unknown codec family {family!r}; allowed: {', '.join(families())}")
    try:
        return importlib.import_module(f"{__name__}.{family}").Adapter
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"codec family {family!r} needs the package {error.name!r}, which is not installed; "
            "pip install --no-deps -r envs/requirements.txt installs all codec packages"
        ) from None


def load(entry: dict, files: dict[str, Path], device: str) -> Codec:
    """Load the codec of one entry of codecs.yaml.

    Args:
        entry: the entry, with `family`, `sample_rate`, `hop` and the keys of the family.
        files: local path of each of the entry's checkpoint files, by role.
        device: torch device name; ignored by families that do not run on torch.

    Raises:
        CheckpointError: a file is missing, corrupt or of another model.
    """
    return family_class(entry["family"]).load(entry, files, device)


def find_files(entry: dict, place: Path) -> dict[str, Path]:
    """Find a user's own checkpoint files of a codec; return them by role.

    Args:
        place: a directory that holds the files under their published names; or the file, if the codec has only one.

    Raises:
        CheckpointError: a file is missing, or several files match.
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
