"""The members of a zip archive by random access: of a file, or of an address of which only those come that are read.

Neither is ever unpacked. A member is checked by the CRC-32 that the archive's directory has of it.
"""

import json
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import Lock

import requests
import tenacity
import urllib3
from remotezip import RangeNotSupported, RemoteZip, RemoteZipError
from tqdm import tqdm

from codecfake.download import held
from codecfake.errors import DataError, DownloadError
from codecfake.files import write_bytes, write_json
from codecfake.transfer import ATTEMPTS, RETRYING, TIMEOUT_SECONDS, passes, require_room

#: What zipfile raises if a member's bytes are not those that went in.
CORRUPT = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
#: What a network makes of it.
BROKEN = (*CORRUPT, RemoteZipError, requests.RequestException, urllib3.exceptions.HTTPError)


class CorruptMemberError(DataError):
    """A member of an archive is not what its directory says."""


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
        urls: tried in order.
        folder: keeps what was fetched; a later run asks no address for it.
        num_bytes: of the archive, if known; an address with another one is passed over.
        otherwise: what a user can do if no address gives a member.

    Raises:
        DownloadError: no address gives the directory.
        RangeNotSupported: none does, and one because it does not give parts of a file.
    """

    def __init__(self, urls: list[str], folder: Path, num_bytes: int | None, otherwise: str):
        self.urls, self.folder, self.otherwise = urls, folder, otherwise
        self.name = folder.name.removesuffix(".members")
        self._session = requests.Session()
        self._lock = Lock()
        self._zips: dict[str, RemoteZip] = {}
        directory = folder / "directory.json"
        if not directory.is_file():
            self._bytes = num_bytes
            write_json(directory, self._from_addresses("its directory", self._describe))
        described = json.loads(directory.read_text(encoding="utf-8"))
        self._bytes, self._members = described["bytes"], described["members"]
        self.names = list(self._members)

    def read(self, name: str) -> bytes:
        path = self.folder / name
        if path.is_file():
            content = path.read_bytes()
            if zlib.crc32(content) == self._members[name]["crc32"]:
                return content
        with self._lock:
            content = self._from_addresses(name, lambda url: self._zip(url).read(name))
        write_bytes(path, content)
        return content

    def fetch(self, names: Iterable[str]) -> None:
        with held(self.folder / ".lock", self.name):
            missing = [name for name in names if not (self.folder / name).is_file()]
            total = sum(self._members[name]["bytes"] for name in missing)
            require_room(self.folder, total)
            with tqdm(total=total, unit="B", unit_scale=True, desc=self.name, mininterval=1) as bar:
                for name in missing:
                    with suppress(CorruptMemberError):  # told when it is asked for
                        self.read(name)
                    bar.update(self._members[name]["bytes"])

    def _from_addresses(self, what: str, get):
        """`get(url)` of the first address from which it comes."""
        failures = []
        for url in self.urls:
            try:
                return self._persistently(get, url)
            except BROKEN as error:
                failures.append((url, error))
        for _, error in failures:
            if isinstance(error, RangeNotSupported):
                raise error
        if failures and all(isinstance(error, CORRUPT) for _, error in failures):
            raise CorruptMemberError(f"{self.name}: member {what} is corrupt ({failures[-1][1]})")
        lines = "".join(f"  {url}: {error}\n" for url, error in failures)
        raise DownloadError(f"{self.name}: no address gave {what}\n{lines}{self.otherwise}")

    @tenacity.retry(
        **{**RETRYING, "stop": lambda state: state.attempt_number >= _attempts(state.outcome.exception())},
        retry=tenacity.retry_if_exception(lambda error: _may_pass(error)),
    )
    def _persistently(self, get, url: str):
        try:
            return get(url)
        except BROKEN:
            self._zips.pop(url, None)  # whatever state it is in now
            raise

    def _zip(self, url: str) -> RemoteZip:
        if url not in self._zips:
            opened = RemoteZip(url, session=self._session, timeout=TIMEOUT_SECONDS)
            if self._bytes not in (None, opened.size()):
                raise requests.RequestException(f"{opened.size()} bytes; {self._bytes} expected")
            self._zips[url] = opened
        return self._zips[url]

    def _describe(self, url: str) -> dict:
        """What is kept of the archive's directory."""
        opened = self._zip(url)
        members = {
            info.filename: {"bytes": info.file_size, "crc32": info.CRC}
            for info in opened.infolist()
            if not info.is_dir() and ".." not in PurePosixPath(info.filename).parts and info.filename[0] != "/"
        }
        return {"bytes": opened.size(), "members": members}


def _attempts(error: BaseException) -> int:
    """After how many attempts to give up: whole bytes that are wrong twice are wrong where they come from."""
    return 2 if isinstance(error, (zipfile.BadZipFile, zlib.error)) else ATTEMPTS


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may help; remotezip hides the refusal of a server in the context."""
    cause = error.__context__ if isinstance(error, RemoteZipError) else error
    if isinstance(cause, requests.RequestException):
        return passes(cause)
    return isinstance(error, BROKEN) and not isinstance(error, RangeNotSupported)
