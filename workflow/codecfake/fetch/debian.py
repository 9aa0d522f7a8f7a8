"""Debian packages as a source of recordings: find their addresses and unpack them, without installing them."""

import lzma
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from codecfake.util.errors import DownloadError

#: Folder of apt's configuration; missing on machines without apt.
APT = Path("/etc/apt")
#: Debian's archive of releases that the mirrors have removed.
ARCHIVE = "http://archive.debian.org/debian"
#: Debian's snapshots: all packages ever published, by SHA-1.
SNAPSHOT = "https://snapshot.debian.org/file"
#: First bytes of an ar archive, and length in bytes of a member's header.
MAGIC, HEADER_BYTES = b"!<arch>\n", 60
#: A one-line entry of sources.list: options in brackets, address, suite, components.
ONE_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+\S+(?P<components>.*)")


def addresses(package: dict[str, str]) -> list[str]:
    """Return the addresses of a package, in order: this machine's mirrors, Debian's archive, Debian's snapshots.

    Args:
        package: `path` on a mirror and `sha1`, as in downloads.yaml.
    """
    bases = [*dict.fromkeys(uri.rstrip("/") for uri in mirrors(APT)), ARCHIVE]
    return [*(f"{base}/{package['path']}" for base in bases), f"{SNAPSHOT}/{package['sha1']}"]


def mirrors(apt: Path) -> Iterator[str]:
    """Yield the http(s) mirrors of component `main` that the folder of apt's configuration names."""
    for uri, components in _sources(apt):
        if "main" in components:
            yield from filter(_is_http, _listed_in_file(uri))


def _is_http(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def _sources(apt: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (address, components) of each package source, in both formats of sources.list(5)."""
    folder = apt / "sources.list.d"
    for path in (apt / "sources.list", *sorted(folder.glob("*.list"))):
        for line in _lines(path):
            if found := ONE_LINE.match(line):
                yield found["uri"], found["components"].split()
    for path in sorted(folder.glob("*.sources")):
        for stanza in "\n".join(_lines(path)).split("\n\n"):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
            named = {name.lower(): value.split() for name, value in fields.items()}
            if "deb" in named.get("types", []) and named.get("enabled") != ["no"]:
                for uri in named.get("uris", []):
                    yield uri, named.get("components", [])


def _listed_in_file(uri: str) -> list[str]:
    """Return the addresses in the file of a `mirror+file:PATH` (used by cloud images); else the address itself."""
    kind, _, path = uri.partition(":")
    return [line.split()[0] for line in _lines(Path(path)) if line] if kind == "mirror+file" else [uri]


def _lines(path: Path) -> list[str]:
    """Return a file's lines without comments; none if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if not line.lstrip().startswith("#")]


def unpack(deb: Path, target: Path) -> None:
    """Unpack a .deb into the folder `target`, unless the folder exists.

    Raises:
        DownloadError: it is not a .deb, is damaged, or holds a link, a device or a path outside the folder.
    """
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, open(deb, "rb") as handle:
        content = Path(folder, "content").resolve()
        content.mkdir()
        try:
            _find_data(handle)
            with tarfile.open(fileobj=handle, mode="r|*") as archive:
                for member in archive:
                    _extract(archive, member, content)
        except (tarfile.TarError, ValueError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DownloadError(f"{deb}: cannot be unpacked ({error}). Delete it to fetch it again") from None
        content.replace(target)


def _find_data(deb: BinaryIO) -> None:
    """Seek to the content of the member `data.tar.*` of the .deb, an ar archive (deb(5)).

    Raises:
        ValueError: it is not a .deb, or it is truncated.
    """
    if deb.read(len(MAGIC)) != MAGIC:
        raise ValueError("not a Debian package")
    num_bytes = os.fstat(deb.fileno()).st_size
    while len(header := deb.read(HEADER_BYTES)) == HEADER_BYTES:
        name, size = header[:16].decode("ascii", "replace").strip(), int(header[48:58])
        if deb.tell() + size > num_bytes:
            raise ValueError(f"it ends within {name}")
        if name.startswith("data.tar"):
            return
        deb.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("it has no data.tar")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Extract a file or folder into `folder`.

    Raises:
        ValueError: its path is outside the folder, or it is neither a file nor a folder.
    """
    # in place of tarfile's filter, which Python 3.11.0 to 3.11.3 lack
    path = (folder / member.name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"{member.name!r} leaves the folder")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
    elif member.isfile():
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.extractfile(member) as source, open(path, "wb") as file:
            shutil.copyfileobj(source, file)
    else:
        raise ValueError(f"{member.name!r} is neither a file nor a folder")
