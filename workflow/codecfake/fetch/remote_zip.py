"""The members of a zip archive by random access: of a file, or of an address of which only those come that are read.

Neither is ever unpacked. A member is checked by the CRC-32 that the archive's directory has of it.
"""

import json
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
from codecfake.util.files import write_bytes, write_json

#: What zipfile raises if a member's bytes are not those that went in.
CORRUPT = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError)
#: What a network makes of it.
BROKEN = (*CORRUPT, RemoteZipError, requests.RequestException, urllib3.exceptions.HTTPError)


class CorruptMemberError(DataError):
    """A member of an archive is not what its directory says."""


class NoRangesError(DownloadError):
    """A server gives files as a whole only."""


class Member(NamedTuple):
    """A member of an archive: bytes and CRC-32 of its content, zip's number of the method, where it lies."""

    size: int
    crc32: int
    method: int
    begin: int
    end: int


class Archive(ABC):
    """Names of members and their bytes. Safe to use from several threads."""

    names: list[str]

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            CorruptMemberError: they are damaged.
        """

    @abstractmethod
    def fetch(self, names: Iterable[str]) -> None:
        """Make members readable without a network."""


class LocalArchive(Archive):
    """A zip file.

    Raises:
        DataError: it is no zip file, or its directory is damaged.
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
        """Nothing to do."""


class RemoteArchive(Archive):
    """A zip file at one of several addresses; its directory and the members read are kept in a folder.

    Args:
        urls: tried in order; one that fails is asked last from then on.
        folder: keeps what was fetched; a later run asks no address for it.
        num_bytes: of the archive, if known; an address with another one is passed over.
        otherwise: what a user can do if no address gives a member.

    Raises:
        NoRangesError: no address gives the directory, and one because it does not give parts of a file.
        DownloadError: no address gives the directory.
    """

    def __init__(self, urls: list[str], folder: Path, num_bytes: int | None, otherwise: str):
        self.urls, self.folder, self.otherwise = list(urls), folder, otherwise
        self.name = folder.name.removesuffix(".members")
        self._session = requests.Session()
        self._lock = Lock()
        directory = folder / "directory.json"
        if not directory.is_file():
            write_json(directory, self._from_addresses("its directory", lambda url: self._describe(url, num_bytes)))
        described = json.loads(directory.read_text(encoding="utf-8"))
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
                    with suppress(CorruptMemberError):  # told when it is asked for
                        self.read(name)
                    bar.update(self._members[name].size)

    def _from_addresses(self, what: str, get: Callable[[str], Any]) -> Any:
        """`get(url)` of the first address from which it comes."""
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
        raise kind(f"{self.name}: no address gave {what}\n{lines}{self.otherwise}")

    def _describe(self, url: str, num_bytes: int | None) -> dict:
        """What is kept of the archive's directory."""
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
        """A member with its header as they lie in the archive, checked to be of the archive that was described."""
        wanted = {"Range": f"bytes={member.begin}-{member.end - 1}"}
        with self._session.get(url, headers=wanted, stream=True, timeout=TIMEOUT_SECONDS) as response:
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                raise RangeNotSupported("the server does not give parts of a file")
            size = response.headers.get("Content-Range", "").rpartition("/")[2]
            if size != str(self._bytes):
                raise requests.RequestException(f"{size} bytes; {self._bytes} expected")
            return response.content


def unpack(raw: bytes, member: Member, name: str) -> bytes:
    """The content of a member from its bytes in an archive (PKWARE APPNOTE.TXT 4.3.7).

    Raises:
        zipfile.BadZipFile, zlib.error, struct.error: they are damaged.
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
    """After how many attempts to give up: bytes that are wrong twice are wrong where they come from."""
    return 2 if isinstance(error, CORRUPT) else ATTEMPTS


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may help; remotezip hides the refusal of a server in the context."""
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
