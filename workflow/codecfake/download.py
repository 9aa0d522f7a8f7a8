"""Fetch the files of downloads.yaml into a cache, checked by size and hash; a second run fetches nothing.

The key of an entry is its path in the cache and in a mirror. An entry comes from `urls` (tried in
order), from a Debian package (`apt`), or lies in the repository (`repository: true`). Where an entry does not
know its size and hash, those of the first file that comes are written to a lock file and hold from then on.
"""

import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlparse

import requests
import tenacity
from filelock import FileLock
from tqdm import tqdm

from codecfake import apt
from codecfake.errors import DownloadError
from codecfake.files import REPOSITORY, replacing, sha256, write_json

LOCK = REPOSITORY / "config" / "downloads.lock.json"
CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30
ATTEMPTS = 4


def fetch(key: str, entry: dict, cache: Path, mirror: str | None = None, lock: Path = LOCK) -> Path:
    """The local path of a file, fetching it first if need be.

    Args:
        key: the entry's name in downloads.yaml.
        entry: one of `urls`, `apt`, `repository`; `bytes` and `sha256` where known.
        cache: the folder that keeps fetched files.
        mirror: a folder or an http(s) address that holds `key`; tried first.
        lock: JSON file with the size and hash of files whose entry does not know them.

    Raises:
        DownloadError: no source has the file, or what they have is not the file.
    """
    if entry.get("repository"):
        path = REPOSITORY / key
        verify(path, entry)
        return path
    path = cached(key, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        known = {**_locked(lock).get(key, {}), **entry}
        if not path.is_file():
            _obtain(key, known, path, mirror)
        verify(path, known)
        if "sha256" not in known:
            _record(key, path, lock)
    return path


def cached(key: str, cache: Path) -> Path:
    """Where the cache keeps the file `key`, whether it is there or not."""
    return Path(cache).expanduser() / key


def _locked(lock: Path) -> dict[str, dict]:
    return json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}


def _record(key: str, path: Path, lock: Path) -> None:
    found = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    with FileLock(lock.with_name(lock.name + ".lock")):
        write_json(lock, dict(sorted({**_locked(lock), key: found}.items())))
    print(f"{key}: seen for the first time, sha256 {found['sha256']} recorded in {lock}", file=sys.stderr)


def verify(path: Path, entry: dict) -> None:
    """Refuse a file that is not the one the entry describes.

    Raises:
        DownloadError: it is missing, or of another size or hash.
    """
    if not path.is_file():
        raise DownloadError(f"{path}: no such file")
    size = path.stat().st_size
    if size != entry.get("bytes", size):
        raise DownloadError(f"{path}: {size} bytes; {entry['bytes']} expected. Delete it to fetch it again")
    digest = sha256(path)
    if digest != entry.get("sha256", digest):
        raise DownloadError(f"{path}: sha256 {digest}; {entry['sha256']} expected. Delete it to fetch it again")


def _obtain(key: str, entry: dict, path: Path, mirror: str | None) -> None:
    local = Path(mirror).expanduser() / key if mirror and not _is_url(mirror) else None
    if local and local.is_file():
        verify(local, entry)
        with replacing(path) as temporary:
            shutil.copyfile(local, temporary)
        return
    mirrored = [f"{mirror.rstrip('/')}/{key}"] if mirror and _is_url(mirror) else []
    urls = mirrored + entry.get("urls", [])
    if urls:
        try:
            _from_urls(key, entry, path, urls)
            return
        except DownloadError:
            if "apt" not in entry:
                raise
    with replacing(path) as temporary:
        apt.download(entry["apt"]["package"], entry["apt"]["version"], temporary, path.parent)
        verify(temporary, entry)


def _is_url(place: str) -> bool:
    return urlparse(place).scheme in ("http", "https")


def _from_urls(key: str, entry: dict, path: Path, urls: list[str]) -> None:
    part = path.with_name(path.name + ".part")
    failures = []
    for url in urls:
        if "sha256" not in entry:  # nothing would tell that two beginnings were joined
            part.unlink(missing_ok=True)
        try:
            _stream(url, entry.get("bytes"), part)
            verify(part, entry)
            part.replace(path)
            return
        except (requests.RequestException, DownloadError) as error:
            failures.append(f"  {url}: {error}")
            if isinstance(error, DownloadError):
                part.unlink(missing_ok=True)
    raise DownloadError(
        f"{key}: no address gave the file:\n"
        + "\n".join(failures)
        + f"\nPlace it at {path}, or set `mirror:` to a folder or address that holds {key}"
    )


@tenacity.retry(
    # ChunkedEncodingError: the connection broke off within the content
    retry=tenacity.retry_if_exception_type(
        (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    ),
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    wait=tenacity.wait_exponential(multiplier=0.5, max=20),
    reraise=True,
)
def _stream(url: str, num_bytes: int | None, part: Path) -> None:
    """Append what `part` still lacks, by HTTP Range where the server has it."""
    have = part.stat().st_size if part.is_file() else 0
    if num_bytes is not None and have >= num_bytes:  # nothing to resume: a Range beyond the end is refused
        have = 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()  # it is no beginning of this file
            _stream(url, num_bytes, part)
            return
        response.raise_for_status()
        if "text/html" in response.headers.get("Content-Type", ""):
            raise DownloadError("the answer is a web page, not a file")
        resumed = response.status_code == requests.codes.partial_content
        begin = have if resumed else 0
        total = num_bytes or begin + int(response.headers.get("Content-Length", 0)) or None
        with (
            open(part, "ab" if resumed else "wb") as handle,
            tqdm(total=total, initial=begin, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            for chunk in response.iter_content(CHUNK_BYTES):
                handle.write(chunk)
                bar.update(len(chunk))
