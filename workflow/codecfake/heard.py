"""What detectors hear: small descriptions that stay, and waveforms that are made of them when needed.

A description (`waveforms/NAME.json`) says what its waveforms are made of and has a hash of that. Results depend on
descriptions; the waveforms beside them (`.waveforms/NAME.arrow`) are a cache, made again where they are missing or
are of something else.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock

from codecfake import evaluation_sets, files, manifest
from codecfake.errors import DataError
from codecfake.waveforms import digest_of, shard_waveforms, write_waveforms


def describe_shards(path: Path, shards: list[Path], workers: int) -> None:
    """Write the description of a codec's or set's waveforms, and make them."""
    _write(path, {"shards": [str(shard) for shard in shards]}, workers)


def describe_condition(
    path: Path, name: str, condition: dict, protocols: list[Path], heard: list[Path], workers: int
) -> None:
    """Write the description of the waveforms of eval speech under a condition, and make them.

    Args:
        condition: an entry of conditions.yaml.
        protocols, heard: of all codecs: what is said in them, and the descriptions of how it sounds.
    """
    made_of = {"protocols": [str(one) for one in protocols], "heard": [str(one) for one in heard]}
    _write(path, {"name": name, "condition": condition, **made_of}, workers)


def _write(path: Path, made_of: dict, workers: int) -> None:
    description = {**made_of, "digest": _digest(made_of)}
    _make(_cache(path), description, workers)
    files.write_json(path, description)


def waveforms(paths: list[Path], workers: int = 1) -> list[Path]:
    """The files of waveforms that descriptions stand for, made again if need be.

    Raises:
        DataError: what they are to be made of is not there, or not what is described.
    """
    for path in paths:
        description = json.loads(Path(path).read_text(encoding="utf-8"))
        if digest_of(_cache(path)) == description["digest"]:
            continue
        made_of = {key: value for key, value in description.items() if key != "digest"}
        if _digest(made_of) != description["digest"]:
            raise DataError(f"{path}: what it describes has changed since; snakemake makes it again")
        _make(_cache(path), description, workers)
    return [_cache(path) for path in paths]


def _cache(path: Path) -> Path:
    return Path(path).parent.with_name(".waveforms") / f"{Path(path).stem}.arrow"


def _digest(made_of: dict) -> str:
    """A hash of a description and of the content of all files it names."""
    total = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    for name in [*made_of.get("shards", []), *made_of.get("protocols", []), *made_of.get("heard", [])]:
        try:
            total.update(files.sha256(Path(name)).encode())
        except OSError as error:
            raise DataError(f"{name}: cannot be read ({error.strerror})") from None
    return total.hexdigest()


def _make(cache: Path, description: dict, workers: int) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    # of several jobs that need it, one makes it
    with FileLock(f"{cache}.lock"):
        if digest_of(cache) != description["digest"]:
            write_waveforms(cache, _items(description, workers), description["digest"])


def _items(description: dict, workers: int) -> Iterator[tuple[str, np.ndarray]]:
    if "shards" in description:
        return shard_waveforms([Path(shard) for shard in description["shards"]], workers)
    trials = manifest.read_trials([Path(path) for path in description["protocols"]])
    heard = waveforms([Path(path) for path in description["heard"]], workers)
    return evaluation_sets.condition_waveforms(description["name"], description["condition"], trials, heard, workers)
