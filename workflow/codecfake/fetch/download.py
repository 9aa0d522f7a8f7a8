"""Fetch the files of downloads.yaml into a cache and check their size and hash; a second run fetches nothing.

The key of an entry is its path in the cache and in a mirror. A file comes from a mirror, from `urls` (tried in order),
from a Debian package (`debian`) or from the repository (`repository: true`). If an entry has no size and hash, those of
the first file fetched are written to a lock file and required from then on.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlparse

import requests
from filelock import FileLock, Timeout

from codecfake.fetch import debian
from codecfake.fetch.entries import Download
from codecfake.fetch.http import brief, discard, require_room, transfer
from codecfake.util.errors import ConfigError, DownloadError
from codecfake.util.files import REPOSITORY, read_json, write_json
from codecfake.util.hashing import sha256
from codecfake.util.validation import read_table
from codecfake.util.yaml_files import CONFIG

LOCK = REPOSITORY / "config" / "downloads.lock.json"


class Places(NamedTuple):
    """Where files are stored and searched.

    Attributes:
        cache: folder for fetched files.
        mirror: folder or http(s) address with files under their keys; tried before the network.
        offline: use only the cache and the mirror.
    """

    cache: Path
    mirror: str | None = None
    offline: bool = False

    @classmethod
    def of(cls, options: dict) -> "Places":
        """Create the places from a run's config or a verb's options."""
        return cls(Path(options["cache"]), options.get("mirror"), options["offline"])

    def kept(self, key: str) -> Path:
        """Return the path of the file `key` in the cache, whether it exists or not.

        Raises:
            ConfigError: the cache is in `~`, and this user has no home directory.
        """
        try:
            return Path(self.cache).expanduser() / key
        except RuntimeError:
            raise ConfigError(
                f"cache: {self.cache}: this user has no home directory; set `cache:` in the config, --cache or "
                "CODECFAKE_CACHE to a folder where you can write"
            ) from None

    def local(self, key: str) -> Path | None:
        """Return the path of the file `key` in the cache or the mirror folder; None if it is in neither."""
        found = [self.kept(key)]
        if self.mirror and not _is_url(self.mirror):
            found.append(Path(self.mirror).expanduser() / key)
        return next((path for path in found if path.is_file()), None)

    def addresses(self, key: str, entry: dict) -> list[str]:
        """Return the addresses of the file `key`, in the order to be tried."""
        mirrored = [f"{self.mirror.rstrip('/')}/{key}"] if self.mirror and _is_url(self.mirror) else []
        return mirrored + ([] if self.offline else _published(entry))


def _published(entry: dict) -> list[str]:
    """Return the addresses at which the authors, or Debian, publish a file."""
    return debian.addresses(entry["debian"]) if "debian" in entry else entry.get("urls", [])


def _is_url(place: str) -> bool:
    return urlparse(place).scheme in ("http", "https")


def fetch(key: str, entry: dict, places: Places, lock: Path | None = None) -> Path:
    """Return the local path of a file, fetching it if it is missing.

    Args:
        key: the entry's name in downloads.yaml.
        entry: `urls`, `debian` or `repository`, and `bytes` and `sha256` if known.
        lock: JSON file with the size and hash of files whose entry lacks them; by default `LOCK` or, if the checkout
            is read-only, a file of that name in the cache.

    Raises:
        DownloadError: no source has the file, or its size or hash is wrong.
        OSError: the disk is too full for it.
    """
    if entry.get("repository"):
        verify(REPOSITORY / key, entry)
        return REPOSITORY / key
    kept = places.kept(key)
    lock = lock or (LOCK if os.access(LOCK.parent, os.W_OK) else places.kept(LOCK.name))
    record = kept.with_name(kept.name + ".verified")
    known = {**_locked(lock).get(key, {}), **entry}
    path = places.local(key)
    if path and "sha256" in known and _is_verified(path, known, record):
        return path
    kept.parent.mkdir(parents=True, exist_ok=True)
    with held(kept.with_name(kept.name + ".lock"), key):
        path, digest = places.local(key), None
        if path is None:
            path, digest = kept, _obtain(key, known, places)
        elif not ("sha256" in known and _is_verified(path, known, record)):
            digest = verify(path, known)
        if digest is not None:
            if "sha256" not in known:
                _record_first_sight(key, path, digest, lock)
            write_json(record, _identity(path, digest))
    return path


@contextmanager
def held(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock that is released when the process dies; print a message if it has to wait for another process."""
    file_lock = FileLock(lock)
    try:
        file_lock.acquire(timeout=0)
    except Timeout:
        print(f"{what}: waiting for another job that fetches it", file=sys.stderr)
        file_lock.acquire()
    try:
        yield
    finally:
        file_lock.release()


def _locked(lock: Path) -> dict[str, dict]:
    return read_json(lock) if lock.is_file() else {}


def _record_first_sight(key: str, path: Path, digest: str, lock: Path) -> None:
    """Record size and hash of a file that is fetched for the first time."""
    with FileLock(lock.with_name(lock.name + ".lock")):
        found = {"bytes": path.stat().st_size, "sha256": digest}
        write_json(lock, dict(sorted({**_locked(lock), key: found}.items())))
    print(f"{key}: first download; sha256 {digest} is recorded in {lock}", file=sys.stderr)


def _identity(path: Path, digest: str) -> dict:
    """Return the facts that must be unchanged for a recorded hash to remain valid without reading the file."""
    status = path.stat()
    return {"path": str(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": digest}


def _is_verified(path: Path, entry: dict, record: Path) -> bool:
    """Return whether this file was verified before, so that jobs need not hash it (up to 11 GB) again."""
    return record.is_file() and read_json(record) == _identity(path, entry["sha256"])


def verify(path: Path, entry: dict) -> str:
    """Return the hash of a file, after checking its size and hash against the entry.

    Raises:
        DownloadError: the file is missing, or its size or hash differs.
    """
    if not path.is_file():
        raise DownloadError(f"{path}: no such file")
    size = path.stat().st_size
    if size != entry.get("bytes", size):
        raise DownloadError(f"{path}: {size} bytes; {entry['bytes']} expected. Delete it to fetch it again")
    digest = sha256(path)
    if digest != entry.get("sha256", digest):
        raise DownloadError(f"{path}: sha256 {digest}; {entry['sha256']} expected. Delete it to fetch it again")
    return digest


def placing(key: str, entry: dict, places: Places) -> str:
    """Describe where the user must place a file that cannot be fetched, and its source."""
    size = f"{entry['bytes']:,} bytes" if "bytes" in entry else "size unknown"
    # mirrors differ between machines; Debian's own archives do not
    origin = _published(entry)[-2:] if "debian" in entry else _published(entry)
    return f"{places.kept(key)} ({size}, sha256 {entry.get('sha256', 'unknown')}) from {', '.join(origin)}"


def _obtain(key: str, entry: dict, places: Places) -> str:
    """Fetch a file into the cache; return its hash."""
    kept = places.kept(key)
    part = kept.with_name(kept.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    require_room(kept.parent, entry.get("bytes", 0) - have)
    failures = []
    for url in places.addresses(key, entry):
        try:
            digest = _from_address(url, part, entry)
        except (requests.RequestException, DownloadError) as error:
            failures.append(f"{url}: {brief(error)}")
        else:
            part.replace(kept)
            discard(part)
            return digest
    why = "no address returned the file" if failures else "it is neither in the cache nor in the mirror"
    raise DownloadError(
        "\n  ".join([f"{key}: {why}" + (", and `offline` is set" if places.offline else ""), *failures])
        + f"\nPlace {placing(key, entry, places)}\nor set `mirror:` to a folder or address that holds {key}"
    )


def _from_address(url: str, part: Path, entry: dict) -> str:
    """Complete `part` and return its hash; download it once more from the beginning if the hash is wrong."""
    if part.is_file() and part.stat().st_size == entry.get("bytes"):  # interrupted before verification
        try:
            return verify(part, entry)
        except DownloadError:
            discard(part)
    try:
        return _whole(url, part, entry)
    except DownloadError:
        return _whole(url, part, entry)


def _whole(url: str, part: Path, entry: dict) -> str:
    transfer(url, part, entry.get("bytes"), "sha256" in entry)
    try:
        return verify(part, entry)
    except DownloadError:
        discard(part)
        raise


def downloads() -> dict[str, dict]:
    """Return the entries of downloads.yaml, by their path in the cache."""
    return read_table(Download, CONFIG / "downloads.yaml", special="._-/")
