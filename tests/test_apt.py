"""Debian packages: a helpful refusal without apt, a download by a stand-in for apt-get, unpacking."""

import os
import re

import pytest

from codecfake import apt
from codecfake.errors import DownloadError

INSTEAD = "corpus: {name: folder"

SAVE = "echo package > speech_1.0_all.deb"
REFUSE = "echo 'Reading lists' >&2; echo 'E: Version 1.0 not found' >&2; exit 100"
# knows the package only once its lists are fetched
UPDATE_FIRST = f'case "$*" in *update) touch updated;; *) test -e updated || exit 100; {SAVE};; esac'


@pytest.fixture
def apt_get(tmp_path, monkeypatch):
    """apt_get(script): stands in for apt-get from now on; returns the file of the arguments it is called with."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(script):
        calls = tmp_path / "calls"
        for name in ("apt-get", "dpkg-deb"):
            (folder / name).write_text(f'#!/bin/sh\necho "$*" >> {calls}\n{script}\n')
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return calls

    return install


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("present", [[], ["apt-get"], ["dpkg-deb"]], ids=["none", "apt-get", "dpkg-deb"])
def test_without_apt_the_message_says_what_to_do_instead(tmp_path, monkeypatch, work, present):
    for name in present:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match="speech: apt-get and dpkg-deb are needed") as error:
        apt.download("speech", "1.0", work / "speech.deb", work)
    assert INSTEAD in str(error.value)
    assert list(work.iterdir()) == []


def test_a_package_is_saved_under_the_name_asked_for(apt_get, work):
    calls = apt_get(SAVE)
    apt.download("speech", "1.0", work / "mine.deb", work)
    assert (work / "mine.deb").read_text() == "package\n"
    assert list(work.iterdir()) == [work / "mine.deb"]
    assert calls.read_text().count("\n") == 1
    assert calls.read_text().endswith(" download speech=1.0\n")


def test_unknown_packages_are_looked_up_in_lists_fetched_to_a_private_folder(apt_get, work):
    calls = apt_get(UPDATE_FIRST)
    apt.download("speech", "1.0", work / "mine.deb", work)
    first, update, second = calls.read_text().splitlines()
    assert [line.split()[-1] for line in (first, update, second)] == ["speech=1.0", "update", "speech=1.0"]
    assert "Dir::State::Lists" not in first
    for line in (update, second):
        assert re.search(rf"Dir::State::Lists={re.escape(str(work))}/\w+/lists", line)
    assert list(work.iterdir()) == [work / "mine.deb"]


@pytest.mark.parametrize(
    ("script", "reason"), [(REFUSE, "E: Version 1.0 not found"), ("exit 7", "exit code 7"), ("true", "")]
)
def test_a_package_apt_cannot_get_is_refused_with_its_last_words(apt_get, work, script, reason):
    apt_get(script)
    with pytest.raises(DownloadError, match=re.escape(f"speech 1.0: apt-get cannot download it ({reason})")) as error:
        apt.download("speech", "1.0", work / "speech.deb", work)
    assert INSTEAD in str(error.value)
    assert list(work.iterdir()) == []


def test_a_package_is_unpacked(build_deb, work):
    build_deb(work / "speech.deb", {"usr/share/sounds/a.ogg": b"abc"})
    folder = apt.unpack(work / "speech.deb", work / "speech")
    assert folder == work / "speech"
    assert (folder / "usr/share/sounds/a.ogg").read_bytes() == b"abc"
    assert sorted(work.iterdir()) == [work / "speech", work / "speech.deb"]


def test_an_unpacked_package_is_left_as_it_is(work):
    (work / "speech").mkdir()
    (work / "speech" / "mine.txt").write_text("kept")
    assert apt.unpack(work / "speech.deb", work / "speech") == work / "speech"
    assert (work / "speech" / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("damage", ["cut", "random"])
def test_a_corrupt_package_is_refused_by_name_and_leaves_no_folder(build_deb, work, damage):
    deb = work / "speech.deb"
    build_deb(deb, {"usr/share/sounds/a.ogg": b"abc" * 5000})
    deb.write_bytes(deb.read_bytes()[:6000] if damage == "cut" else b"no package")
    with pytest.raises(DownloadError, match=re.escape(f"{deb}: dpkg-deb cannot unpack it (")) as error:
        apt.unpack(deb, work / "speech")
    assert INSTEAD in str(error.value)
    assert list(work.iterdir()) == [deb]
