"""The audio files below a folder: suffixes, hidden and linked files and folders, folders that cannot be read."""

import os
from pathlib import Path

import pytest

from codecfake.audio import folders
from codecfake.audio import io as audio
from codecfake.util.errors import AudioError, DataError

FILES = ["a.wav", "B.FLAC", "s/c.opus", "s/notes.txt", "s/._c.wav", ".trash/d.wav", "s/t/e.mp3", "nosuffix"]


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    return tmp_path / "root"


def names(paths, root):
    return [str(path.relative_to(root)) for path in paths]


def test_visible_audio_files_and_others_are_listed_in_order(root):
    found = folders.listing(root)
    assert names(found.audio, root) == ["B.FLAC", "a.wav", "s/c.opus", "s/t/e.mp3"]
    assert names(found.others, root) == ["nosuffix", "s/notes.txt"]
    assert found.unusable == []


def test_linked_folders_are_followed_once_and_loops_end(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.wav").touch()
    for link, target in {"link": "elsewhere", "again": "elsewhere", "s/up": "root", "broken": "nowhere"}.items():
        (root / link).symlink_to(tmp_path / target)
    found = folders.listing(root)
    assert names(found.audio, root) == ["B.FLAC", "a.wav", "again/x.wav", "s/c.opus", "s/t/e.mp3"]


def test_linked_file_is_listed(root):
    (root / "link.wav").symlink_to(root / "a.wav")
    assert root / "link.wav" in folders.listing(root).audio


def test_missing_folder_has_no_files(tmp_path):
    assert folders.listing(tmp_path / "gone") == ([], [], [])


def test_folder_without_permission_is_named(root, monkeypatch):
    scandir = os.scandir

    def denied(path):
        if Path(path).name == "t":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)  # root may read every folder
    found = folders.listing(root)
    assert names(found.unusable, root) == ["s/t"]
    assert names(found.audio, root) == ["B.FLAC", "a.wav", "s/c.opus"]


def test_files_left_out_are_counted(root, capsys):
    folders.say_left_out(root, folders.listing(root).others)
    assert capsys.readouterr().err == f"{root}: 2 other files left out, the first is {root}/nosuffix\n"
    folders.say_left_out(root, [])
    assert capsys.readouterr().err == ""


def test_name_that_is_not_utf8_is_unusable_and_named(root):
    name = os.fsdecode(b"caf\xe9.wav")
    (root / name).touch()
    found = folders.listing(root)
    assert found.unusable == [root / name]
    with pytest.raises(DataError, match=r"caf\\udce9\.wav': cannot be read, or its name is not UTF-8"):
        folders.require_usable(found)
    with pytest.raises(AudioError, match=r"caf\\udce9\.wav': the name is not UTF-8; rename the file"):
        audio.read(root / name)
