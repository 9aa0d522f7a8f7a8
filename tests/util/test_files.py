"""Files are written completely or not at all, even if the disk is full."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codecfake.util import files
from codecfake.util.hashing import sha256

# RLIMIT_FSIZE simulates a full disk: beyond it write() fails with EFBIG if SIGXFSZ is ignored
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from codecfake.util import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
files.write_bytes(Path(sys.argv[1]), b"new" * 1000)
"""


def test_file_is_replaced_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_file_is_hidden_in_the_same_folder(tmp_path):
    with files.replacing(tmp_path / "a.txt") as temporary:
        temporary.touch()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".a.txt.")


@pytest.mark.parametrize("exists", [True, False])
def test_symlink_stays_and_its_target_is_written(tmp_path, exists):
    target, link = tmp_path / "elsewhere" / "target.txt", tmp_path / "link.txt"
    target.parent.mkdir()
    if exists:
        target.write_text("old")
    link.symlink_to(target)
    files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_symlinked_folder_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with files.replacing_folder(tmp_path / "link") as temporary:
        (temporary / "a.txt").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target/a.txt").read_text() == "new"


def test_fifo_gets_the_content_and_stays(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        files.write_text(fifo, "new")
        assert reader.communicate(timeout=10)[0] == b"new"
    assert fifo.is_fifo()


def test_fifo_gets_nothing_if_the_block_fails(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="early"), files.replacing(tmp_path / "fifo"):
        raise ValueError("early")


def test_device_stays():
    files.write_text(Path("/dev/null"), "new")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_exception_keeps_the_old_file_and_removes_the_temporary_one(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("ha")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_exception_before_any_write_is_raised(tmp_path):
    with pytest.raises(ValueError, match="early"), files.replacing(tmp_path / "a.txt"):
        raise ValueError("early")
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_created(tmp_path):
    path = tmp_path / "b" / "c" / "a.txt"
    files.write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_leaves_no_partial_file(tmp_path, old):
    path = tmp_path / "a.bin"
    if old:
        path.write_bytes(old)
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "OSError" in result.stderr
    assert "File too large" in result.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({path.name: old} if old else {})


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 5000])
def test_sha256_equals_hashlib(tmp_path, content):
    path = tmp_path / "a.bin"
    files.write_bytes(path, content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()


def test_json_round_trips_and_ends_with_a_newline(tmp_path):
    path = tmp_path / "a.json"
    value = {"eer": 0.125, "codecs": ["encodec_mini", None], "n": 3}
    files.write_json(path, value)
    assert json.loads(path.read_text()) == value
    assert path.read_text().endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_nan_and_infinity(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"eer": value})
    assert list(tmp_path.iterdir()) == []
