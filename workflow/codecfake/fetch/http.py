"""One file from one http(s) address: resumed where it broke off, again while that brings something."""

import errno
import json
import shutil
import sys
import time
from pathlib import Path

import requests
import tenacity
from tqdm import tqdm

from codecfake.util.files import naming, write_json

#: What is lost at most when a connection breaks.
CHUNK_BYTES = 1 << 16
#: Without a byte for so long a connection is given up.
TIMEOUT_SECONDS = 30
#: Before a connection that broke off is taken up again.
PAUSE_SECONDS = 1
#: Attempts in a row that bring nothing, after which an address is given up.
ATTEMPTS = 8
#: Answers after which the same address may well give the file.
PASSING = {408, 425, 429, 500, 502, 503, 504}


def passes(error: BaseException) -> bool:
    """Whether an error may be gone the next time."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code in PASSING
    # ChunkedEncodingError: the connection broke off within the content
    passing = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, passing)


def brief(error: BaseException) -> str:
    """What went wrong, without the exceptions it came wrapped in."""
    while True:
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            return str(inner or error)
        error = inner


def _say(state: tenacity.RetryCallState) -> None:
    print(f"{brief(state.outcome.exception())}; again in {state.next_action.sleep:.0f} s", file=sys.stderr)


#: Keyword arguments of `tenacity.retry`: what passes is tried again, later and later, for a minute or two.
RETRYING = {
    "before_sleep": _say,
    "stop": tenacity.stop_after_attempt(ATTEMPTS),
    "wait": tenacity.wait_random_exponential(multiplier=1, max=60),
    "reraise": True,
}


def transfer(url: str, part: Path, num_bytes: int | None, hash_known: bool) -> None:
    """Complete `part`, which may hold a beginning of the file.

    Args:
        num_bytes: of the whole file, if known.
        hash_known: whether a wrong whole would be noticed. If not, a beginning is only completed if the server
            says that the file is still the one it began (If-Range).

    Raises:
        requests.RequestException: the address does not give the file, or gives a web page.
        OSError: there is no room for it.
    """
    most = _size(part)
    while not _go_on(url, part, num_bytes, hash_known, most):
        most = _size(part)
        time.sleep(PAUSE_SECONDS)


@tenacity.retry(retry=tenacity.retry_if_exception(passes), **RETRYING)
def _go_on(url: str, part: Path, num_bytes: int | None, hash_known: bool, most: int) -> bool:
    """Whether the file is whole; if not, the connection broke off, but there is more than there was at `most`."""
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
    """The header that asks for what `part` still lacks; none to begin anew."""
    have = _size(part)
    if not have or (num_bytes is not None and have >= num_bytes):
        return {}
    if hash_known:  # servers of one name may know a file by different marks
        return {"Range": f"bytes={have}-"}
    origin = _origin(part)
    begun = json.loads(origin.read_text(encoding="utf-8")) if origin.is_file() else {}
    if begun.get("url") == url:
        return {"Range": f"bytes={have}-", "If-Range": begun["validator"]}
    return {}


def _origin(part: Path) -> Path:
    """Says where `part` came from, and by what the server would know it again."""
    return part.with_name(part.name + ".origin")


def discard(part: Path) -> None:
    """Remove a beginning and what is known of it."""
    part.unlink(missing_ok=True)
    _origin(part).unlink(missing_ok=True)


def _stream(url: str, part: Path, num_bytes: int | None, wanted: dict[str, str]) -> None:
    with requests.get(url, headers=wanted, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if wanted and response.status_code == requests.codes.requested_range_not_satisfiable:
            discard(part)  # it is no beginning of this file
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
            if validator and not validator.startswith("W/"):  # a weak one does not vouch for bytes
                write_json(_origin(part), {"url": url, "validator": validator})
        require_room(part.parent, (total or 0) - begin)
        bar = tqdm(total=total, initial=begin, unit="B", unit_scale=True, desc=part.stem, mininterval=1)
        with naming(part), open(part, "ab") as handle, bar:
            for chunk in response.iter_content(CHUNK_BYTES):
                handle.write(chunk)
                bar.update(len(chunk))


def _total(response: requests.Response, begin: int, num_bytes: int | None) -> int | None:
    """The size of the whole file, None if nobody knows it.

    Raises:
        requests.RequestException: the server has a file of another size than `num_bytes`.
    """
    # of compressed content the length says nothing
    known = "Content-Length" in response.headers and "Content-Encoding" not in response.headers
    there = begin + int(response.headers["Content-Length"]) if known else None
    if there is not None and num_bytes is not None and there != num_bytes:
        raise requests.RequestException(f"the file there has {there} bytes; {num_bytes} expected")
    return num_bytes if there is None else there


def require_room(folder: Path, num_bytes: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        OSError: fewer than `num_bytes` are free in `folder`.
    """
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        message = f"{num_bytes:,} bytes to come, {free:,} free; make room, or set `cache:` to a folder that has it"
        raise OSError(errno.ENOSPC, message, str(folder))
