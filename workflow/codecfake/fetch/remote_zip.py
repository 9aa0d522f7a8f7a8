"""Random access to the members of a zip archive: a local file, or an address from which only these are downloaded.

The archive is never unpacked. Each member is checked by the CRC-32 in the archive's directory.
"""

import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import requests
import tenacity
import urllib3
from remotezip import RangeNotSupported, RemoteZip, RemoteZipError
from tqdm import tqdm

from codecfake.fetch.download import held
from codecfake.fetch.http import ATTEMPTS, RETRYING, TIMEOUT_SECONDS, brief, passes, require_room
from codecfake.util.errors import DataError, DownloadError
from codecfake.util.files import read_json, write_bytes, write_json

#: Exceptions of zipfile for corrupt members.
CORRUPT = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError)
#: Exceptions of remote archives: corrupt members and network errors.
BROKEN = (*CORRUPT, RemoteZipError, requests.RequestException, urllib3.exceptions.HTTPError)


class CorruptMemberError(DataError):
    """A member of an archive does not match the archive's directory."""


class NoRangesError(DownloadError):
    """A server does not support range requests."""


class Member(NamedTuple):
    """A member of an archive: size and CRC-32 of its content, zip's compression method, byte range in the archive."""

    size: int
    crc32: int
    method: int
    begin: int
    end: int


class Archive(ABC):
    """Names and contents of an archive's members. Thread-safe."""

    names: list[str]

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            CorruptMemberError: the content is damaged.
        """

    @abstractmethod
    def fetch(self, names: Iterable[str]) -> None:
        """Make members readable without a network."""


class LocalArchive(Archive):
    """A local zip file.

    Raises:
        DataError: the file is not a zip file, or its directory is damaged.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except CORRUPT as error:
            raise DataError(f"{path}: not a readable zip archive ({error})") from None
        self.names = self._zip.namelist()

    def read(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except CORRUPT as error:
            raise CorruptMemberError(f"{self.path.name}: member {name} is corrupt ({error})") from None

    def fetch(self, names: Iterable[str]) -> None:
        """Do nothing: the members are local."""


class RemoteArchive(Archive):
    """A zip file at one or more addresses; its directory and the members read are stored in a folder.

    Args:
        urls: addresses, tried in order; one that fails is tried last from then on.
        folder: folder of downloaded members; later runs do not download them again.
        num_bytes: size of the archive, if known; addresses with another size are skipped.
        otherwise: advice to the user, for the error if no address returns a member.

    Raises:
        NoRangesError: no address returns the directory, and at least one does not support range requests.
        DownloadError: no address returns the directory.
    """

    def __init__(self, urls: list[str], folder: Path, num_bytes: int | None, otherwise: str):
        self.urls, self.folder, self.otherwise = list(urls), folder, otherwise
        self.name = folder.name.removesuffix(".members")
        self._session = requests.Session()
        self._lock = Lock()
        directory = folder / "directory.json"
        if not directory.is_file():
            write_json(directory, self._from_addresses("its directory", lambda url: self._describe(url, num_bytes)))
        described = read_json(directory)
        self._bytes = described["bytes"]
        self._members = {name: Member(*facts) for name, facts in described["members"].items()}
        self.names = list(self._members)

    def read(self, name: str) -> bytes:
        path, member = self.folder / name, self._members[name]
        if path.is_file():
            content = path.read_bytes()
            if zlib.crc32(content) == member.crc32:
                return content
        with self._lock:
            content = self._from_addresses(f"member {name}", lambda url: unpack(self._part(url, member), member, name))
        write_bytes(path, content)
        return content

    def fetch(self, names: Iterable[str]) -> None:
        with held(self.folder / ".lock", self.name):
            missing = [name for name in names if not (self.folder / name).is_file()]
            total = sum(self._members[name].size for name in missing)
            require_room(self.folder, total)
            with tqdm(total=total, unit="B", unit_scale=True, desc=self.name, mininterval=1) as bar:
                for name in missing:
                    with suppress(CorruptMemberError):  # raised again when the member is read
                        self.read(name)
                    bar.update(self._members[name].size)

    def _from_addresses(self, what: str, get: Callable[[str], Any]) -> Any:
        """Return `get(url)` of the first address for which it succeeds."""
        failures = []
        for url in list(self.urls):
            try:
                return _persistently(get, url)
            except BROKEN as error:
                failures.append((url, error))
                self.urls.remove(url)
                self.urls.append(url)
        others = [error for _, error in failures if not isinstance(error, CORRUPT)]
        if len(others) < len(failures) and not any(map(_may_pass, others)):
            corrupt = next(error for _, error in failures if isinstance(error, CORRUPT))
            raise CorruptMemberError(f"{self.name}: {what} is corrupt ({corrupt})")
        lines = "".join(f"  {url}: {brief(error)}\n" for url, error in failures)
        kind = NoRangesError if any(isinstance(error, RangeNotSupported) for error in others) else DownloadError
        raise kind(f"{self.name}: no address returned {what}\n{lines}{self.otherwise}")

    def _describe(self, url: str, num_bytes: int | None) -> dict:
        """Read the archive's directory, as stored in directory.json."""
        with RemoteZip(url, session=self._session, timeout=TIMEOUT_SECONDS) as opened:
            if num_bytes not in (None, opened.size()):
                raise requests.RequestException(f"{opened.size()} bytes; {num_bytes} expected")
            infos = sorted(opened.infolist(), key=lambda info: info.header_offset)
            ends = [info.header_offset for info in infos[1:]] + [opened.start_dir]
            members = {
                info.filename: Member(info.file_size, info.CRC, info.compress_type, info.header_offset, end)
                for info, end in zip(infos, ends, strict=True)
                if not info.is_dir() and ".." not in PurePosixPath(info.filename).parts and info.filename[0] != "/"
            }
            return {"bytes": opened.size(), "members": members}

    def _part(self, url: str, member: Member) -> bytes:
        """Download a member with its header; refuse it if the size of the archive has changed."""
        wanted = {"Range": f"bytes={member.begin}-{member.end - 1}"}
        with self._session.get(url, headers=wanted, stream=True, timeout=TIMEOUT_SECONDS) as response:
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                raise RangeNotSupported("the server does not support range requests")
            size = response.headers.get("Content-Range", "").rpartition("/")[2]
            if size != str(self._bytes):
                raise requests.RequestException(f"{size} bytes; {self._bytes} expected")
            return response.content


def unpack(raw: bytes, member: Member, name: str) -> bytes:
    """Decompress a member from its bytes in the archive (PKWARE APPNOTE.TXT 4.3.7).

    Raises:
        zipfile.BadZipFile, zlib.error, struct.error: the bytes are damaged.
        NotImplementedError: the compression method is neither deflate nor stored.
    """
    header = 30
    name_bytes, extra_bytes = struct.unpack("<HH", raw[26:header])
    packed = raw[header + name_bytes + extra_bytes :]
    if member.method == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed)
    elif member.method == zipfile.ZIP_STORED:
        content = packed[: member.size]
    else:
        raise NotImplementedError(f"compression method {member.method}")
    if zlib.crc32(content) != member.crc32:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {name!r}")
    return content


def _attempts(error: BaseException) -> int:
    """Return the maximum number of attempts: data corrupt twice is corrupt at its source."""
    return 2 if isinstance(error, CORRUPT) else ATTEMPTS


def _may_pass(error: BaseException) -> bool:
    """Return whether another attempt may succeed; remotezip hides the server's response in the exception's context."""
    if isinstance(error, RangeNotSupported):
        return False
    cause = error.__context__ if isinstance(error, RemoteZipError) else error
    if isinstance(cause, requests.RequestException):
        return passes(cause)
    return isinstance(error, BROKEN)


@tenacity.retry(
    **{**RETRYING, "stop": lambda state: state.attempt_number >= _attempts(state.outcome.exception())},
    retry=tenacity.retry_if_exception(_may_pass),
)
def _persistently(get: Callable[[str], Any], url: str) -> Any:
    return get(url)
