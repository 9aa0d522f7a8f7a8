"""Debian packages: mirrors from the apt configuration, and unpacking without dpkg."""

import io
import random
import re
import tarfile

import pytest

from codecfake.fetch import debian
from codecfake.util.errors import DownloadError
from debian_package import ar_member

PACKAGE = {"path": "pool/main/s/speech/speech_1.0_all.deb", "sha1": "ab" * 20}
#: Content of apt configuration files by name, with the mirrors in them.
SOURCES = {
    "sources.list": (
        "# deb http://comment.example/debian bookworm main\n"
        "deb http://one.example/debian/ bookworm main contrib\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://two.example/pub/debian bookworm main # here\n"
        "deb cdrom:[Debian 12]/ bookworm main\n"
        "deb http://other.example/tool stable tool\n",
        ["http://one.example/debian/", "https://two.example/pub/debian"],
    ),
    "sources.list.d/more.list": ("deb\thttp://three.example/debian\ttrixie\tmain\n", ["http://three.example/debian"]),
    "sources.list.d/debian.sources": (
        "Types: deb deb-src\n# a comment\nURIs: http://four.example/debian\n https://five.example/debian\n"
        "Suites: trixie trixie-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n -----END\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n\n"
        "Types: deb-src\nURIs: http://source.example/debian\nSuites: trixie\nComponents: main\n",
        ["http://four.example/debian", "https://five.example/debian"],
    ),
}


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """An empty folder that is used as this machine's apt configuration."""
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    monkeypatch.setattr(debian, "APT", tmp_path / "apt")
    return tmp_path / "apt"


@pytest.mark.parametrize("name", SOURCES)
def test_mirrors_are_those_of_component_main(apt, name):
    content, expected = SOURCES[name]
    (apt / name).write_text(content)
    assert list(debian.mirrors(apt)) == expected


def test_mirrors_are_read_from_a_mirror_list_file(apt):
    (apt / "mirrors.list").write_text("# ours\nhttp://one.example/debian\npriority:2\nhttp://two.example/debian x:1\n")
    (apt / "sources.list").write_text(f"deb mirror+file:{apt}/mirrors.list trixie main\n")
    assert list(debian.mirrors(apt)) == ["http://one.example/debian", "http://two.example/debian"]


def test_addresses_are_distinct_mirrors_then_debian_archives(apt):
    (apt / "sources.list").write_text("deb http://m.example/debian/ a main\ndeb http://m.example/debian b main\n")
    assert debian.addresses(PACKAGE) == [
        f"http://m.example/debian/{PACKAGE['path']}",
        f"{debian.ARCHIVE}/{PACKAGE['path']}",
        f"{debian.SNAPSHOT}/{PACKAGE['sha1']}",
    ]


def test_addresses_without_apt_are_the_debian_archives(apt):
    (apt / "sources.list.d").rmdir()
    apt.rmdir()
    assert debian.addresses(PACKAGE) == [
        f"{debian.ARCHIVE}/{PACKAGE['path']}",
        f"{debian.SNAPSHOT}/{PACKAGE['sha1']}",
    ]


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("compression", ["", "gz", "xz"])
def test_a_package_is_unpacked(build_deb, work, compression):
    build_deb(work / "speech.deb", {"./usr/share/sounds/a.ogg": b"abc", "usr/b.ogg": b""}, compression)
    folder = work / "speech"
    debian.unpack(work / "speech.deb", folder)
    assert (folder / "usr/share/sounds/a.ogg").read_bytes() == b"abc"
    assert (folder / "usr/b.ogg").read_bytes() == b""
    assert sorted(work.iterdir()) == [work / "speech", work / "speech.deb"]


def test_unpacked_package_is_not_unpacked_again(work):
    (work / "speech").mkdir()
    (work / "speech" / "mine.txt").write_text("kept")
    debian.unpack(work / "speech.deb", work / "speech")
    assert (work / "speech" / "mine.txt").read_text() == "kept"


def refused(deb, reason):
    """Check that unpacking a package fails with its name and a reason, and leaves no files."""
    with pytest.raises(DownloadError, match=rf"{re.escape(str(deb))}: cannot be unpacked \(.*{reason}"):
        debian.unpack(deb, deb.parent / "speech")
    assert list(deb.parent.iterdir()) == [deb]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:6000], "it ends within data.tar.xz"),
        (lambda content: content[:40], "it has no data.tar"),
        (lambda content: b"no package", "not a Debian package"),
        (lambda content: content[:56] + b"xx" + content[58:], "invalid literal"),
        (lambda content: content[:3000] + bytes(8) + content[3008:], ""),
    ],
    ids=["truncated", "truncated early", "no package", "header", "data"],
)
def test_a_damaged_package_is_refused_by_name(build_deb, work, damage, reason):
    deb = work / "speech.deb"
    build_deb(deb, {"usr/share/sounds/a.ogg": random.Random(0).randbytes(20000)})
    deb.write_bytes(damage(deb.read_bytes()))
    refused(deb, reason)


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "./usr/../../outside"])
def test_path_outside_the_folder_is_refused(build_deb, work, name):
    build_deb(work / "speech.deb", {name: b"x"})
    refused(work / "speech.deb", "leaves the folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_member_that_is_neither_file_nor_folder_is_refused(work, kind):
    data, member = io.BytesIO(), tarfile.TarInfo("usr/a.ogg")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(member)
    deb = work / "speech.deb"
    deb.write_bytes(debian.MAGIC + ar_member("debian-binary", b"2.0\n") + ar_member("data.tar", data.getvalue()))
    refused(deb, "'usr/a.ogg' is neither a file nor a folder")
