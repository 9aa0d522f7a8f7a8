"""Download a file from an http(s) address; resume after interruptions as long as data arrives."""

import errno
import shutil
import sys
import time
from pathlib import Path

import requests
import tenacity
from tqdm import tqdm

from codecfake.util.files import naming, read_json, write_json

#: Chunk size in bytes: the maximum lost when a connection breaks.
CHUNK_BYTES = 1 << 16
#: Timeout in seconds of a connection without data.
TIMEOUT_SECONDS = 30
#: Pause in seconds before an interrupted download is resumed.
PAUSE_SECONDS = 1
#: Number of consecutive attempts without data after which an address is abandoned.
ATTEMPTS = 8
#: HTTP status codes of temporary errors.
PASSING = {408, 425, 429, 500, 502, 503, 504}


def passes(error: BaseException) -> bool:
    """Return whether an error may be temporary."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code in PASSING
    # ChunkedEncodingError: the connection broke within the content
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def brief(error: BaseException) -> str:
    """Return the message of the innermost wrapped exception."""
    while True:
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            return str(inner or error)
        error = inner


def _say(state: tenacity.RetryCallState) -> None:
    print(f"{brief(state.outcome.exception())}; next attempt in {state.next_action.sleep:.0f} s", file=sys.stderr)


#: Keyword arguments of `tenacity.retry`: retry with exponential backoff, for a few minutes at most.
RETRYING = {
    "before_sleep": _say,
    "stop": tenacity.stop_after_attempt(ATTEMPTS),
    "wait": tenacity.wait_random_exponential(multiplier=1, max=60),
    "reraise": True,
}


def transfer(url: str, part: Path, num_bytes: int | None, hash_known: bool) -> None:
    """Complete `part`, which may hold the beginning of the file.

    Args:
        num_bytes: size of the complete file, if known.
        hash_known: whether the complete file can be verified. If not, `part` is resumed only if the server confirms
            that the file is unchanged (If-Range).

    Raises:
        requests.RequestException: the address does not return the file, or returns a web page.
        OSError: the disk is too full for it.
    """
    most = _size(part)
    while not _go_on(url, part, num_bytes, hash_known, most):
        most = _size(part)
        time.sleep(PAUSE_SECONDS)


@tenacity.retry(retry=tenacity.retry_if_exception(passes), **RETRYING)
def _go_on(url: str, part: Path, num_bytes: int | None, hash_known: bool, most: int) -> bool:
    """Continue the download; return True if it is complete, False if it broke but `part` exceeds `most` bytes."""
    try:
        _stream(url, part, num_bytes, _range(url, part, num_bytes, hash_known))
    except requests.RequestException as error:
        if passes(error) and _size(part) > most:
            return False
        raise
    return True


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _range(url: str, part: Path, num_bytes: int | None, hash_known: bool) -> dict[str, str]:
    """Return the header that requests the rest of `part`; none to start from the beginning."""
    have = _size(part)
    if not have or (num_bytes is not None and have >= num_bytes):
        return {}
    if hash_known:  # servers behind one name may use different validators for a file
        return {"Range": f"bytes={have}-"}
    origin = _origin(part)
    begun = read_json(origin) if origin.is_file() else {}
    if begun.get("url") == url:
        return {"Range": f"bytes={have}-", "If-Range": begun["validator"]}
    return {}


def _origin(part: Path) -> Path:
    """Return the path of the file that records the address and validator (ETag or date) of `part`."""
    return part.with_name(part.name + ".origin")


def discard(part: Path) -> None:
    """Remove an incomplete download and the record of its origin."""
    part.unlink(missing_ok=True)
    _origin(part).unlink(missing_ok=True)


def _stream(url: str, part: Path, num_bytes: int | None, wanted: dict[str, str]) -> None:
    with requests.get(url, headers=wanted, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if wanted and response.status_code == requests.codes.requested_range_not_satisfiable:
            discard(part)  # `part` is not the beginning of this file
            _stream(url, part, num_bytes, {})
            return
        response.raise_for_status()
        if "text/html" in response.headers.get("Content-Type", ""):
            raise requests.RequestException("the answer is a web page, not a file")
        resumed = response.status_code == requests.codes.partial_content
        begin = _size(part) if resumed else 0
        total = _total(response, begin, num_bytes)
        if not resumed:
            discard(part)
            validator = response.headers.get("ETag", response.headers.get("Last-Modified", ""))
            if validator and not validator.startswith("W/"):  # a weak validator does not guarantee identical bytes
                write_json(_origin(part), {"url": url, "validator": validator})
        require_room(part.parent, (total or 0) - begin)
        bar = tqdm(total=total, initial=begin, unit="B", unit_scale=True, desc=part.stem, mininterval=1)
        with naming(part), open(part, "ab") as handle, bar:
            for chunk in response.iter_content(CHUNK_BYTES):
                handle.write(chunk)
                bar.update(len(chunk))


def _total(response: requests.Response, begin: int, num_bytes: int | None) -> int | None:
    """Return the size of the complete file; None if it is unknown.

    Raises:
        requests.RequestException: the size of the server's file is not `num_bytes`.
    """
    # with compressed content, Content-Length is not the size of the file
    known = "Content-Length" in response.headers and "Content-Encoding" not in response.headers
    there = begin + int(response.headers["Content-Length"]) if known else None
    if there is not None and num_bytes is not None and there != num_bytes:
        raise requests.RequestException(f"the file there has {there} bytes; {num_bytes} expected")
    return num_bytes if there is None else there


def require_room(folder: Path, num_bytes: int) -> None:
    """Refuse a download that the disk cannot hold.

    Raises:
        OSError: fewer than `num_bytes` bytes are free in `folder`.
    """
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        message = f"{num_bytes:,} bytes needed, {free:,} free; free some space, or set `cache:` to a larger disk"
        raise OSError(errno.ENOSPC, message, str(folder))
