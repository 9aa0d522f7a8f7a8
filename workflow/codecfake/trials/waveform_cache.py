"""Waveforms at the detectors' sample rate: small permanent descriptions, and waveforms created from them on demand.

A description (`waveforms/NAME.json`) names its maker, the maker's arguments and the files that these name, and holds a
digest of all this, of the files' content and of the maker's code. Results depend on descriptions; the waveforms
(`.waveforms/NAME.arrow`) are a cache and are created again if they are missing or do not match the digest.

A maker is a module of this folder with a function `make(workers=…, **arguments)` that yields (name, float32 [N] at
16 kHz). Makers are imported by name: code that reads waveforms depends on descriptions, not on the makers' code.
"""

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

from filelock import FileLock

from codecfake.data.waveforms import digest_of, write_waveforms
from codecfake.util import files
from codecfake.util.errors import DataError
from codecfake.util.hashing import sha256
from codecfake.util.source_code import code_digest


def describe(path: Path, maker: ModuleType, arguments: dict, made_of: list[Path], workers: int) -> None:
    """Write a description, and create its waveforms.

    Args:
        arguments: arguments of the maker's `make`, which must be JSON values.
        made_of: the files that the arguments name.
    """
    description = {
        "maker": maker.__name__.rpartition(".")[2],
        "arguments": arguments,
        "made_of": [str(file) for file in made_of],
    }
    description["digest"] = _digest(description)
    _make(_cache(path), description, workers)
    files.write_json(path, description)


def waveforms(paths: list[Path], workers: int = 1) -> list[Path]:
    """Return the waveform files of descriptions; create missing and outdated ones.

    Raises:
        DataError: a file that the waveforms are made of is missing or does not match the description.
    """
    for path in paths:
        description = files.read_json(path)
        if digest_of(_cache(path)) == description["digest"]:
            continue
        if _digest(description) != description["digest"]:
            raise DataError(
                f"{path}: its input files or its code have changed since; delete it, and snakemake creates it again"
            )
        _make(_cache(path), description, workers)
    return [_cache(path) for path in paths]


def _cache(path: Path) -> Path:
    return path.parent.with_name(".waveforms") / f"{path.stem}.arrow"


def _digest(description: dict) -> str:
    """Hash a description without its digest, the content of the files it names, and its maker's code."""
    described = {key: value for key, value in description.items() if key != "digest"}
    total = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    total.update(code_digest(f"trials/{description['maker']}").encode())
    for name in description["made_of"]:
        try:
            total.update(sha256(Path(name)).encode())
        except OSError as error:
            raise DataError(f"{name}: cannot be read ({error.strerror})") from None
    return total.hexdigest()


def _make(cache: Path, description: dict, workers: int) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    maker = importlib.import_module(f"codecfake.trials.{description['maker']}")
    # only one of several concurrent jobs creates it
    with FileLock(f"{cache}.lock"):
        if digest_of(cache) != description["digest"]:
            write_waveforms(cache, maker.make(workers=workers, **description["arguments"]), description["digest"])
