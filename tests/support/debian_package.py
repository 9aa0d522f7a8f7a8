"""Debian packages made of given files."""

import io
import tarfile
from pathlib import Path


def write_deb(path: Path, files: dict[str, bytes], compression: str = "xz") -> None:
    """Write a Debian package with files given as path -> content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    suffix = f".{compression}" if compression else ""
    members = {"debian-binary": b"2.0\n", f"control.tar{suffix}": b"odd", f"data.tar{suffix}": data.getvalue()}
    path.write_bytes(b"!<arch>\n" + b"".join(map(ar_member, members, members.values())))


def ar_member(name: str, content: bytes) -> bytes:
    """Return a member of an ar archive with its header, padded to an even length."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
    return header.encode() + content + b"\n" * (len(content) % 2)
