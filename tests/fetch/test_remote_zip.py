"""Members of local and remote zip archives: only what is read is fetched, once and checked, despite network faults."""

import os
import zipfile

import pytest

from codecfake.fetch import http, remote_zip
from codecfake.fetch.remote_zip import CorruptMemberError, LocalArchive, NoRangesError, RemoteArchive
from codecfake.util.errors import DataError, DownloadError
from damage import damaged

NAMES = [f"speech/{number:03}.bin" for number in range(40)]
CONTENTS = {name: os.urandom(5000) for name in NAMES}


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("folder/", b"")
        for name, content in CONTENTS.items():
            writing.writestr(name, content)
        writing.writestr("../outside.txt", b"leave me")
    return path


@pytest.fixture
def server(http_server, zipped):
    http_server.files["a.zip"] = zipped.read_bytes()
    return http_server


@pytest.fixture
def open_remote(server, tmp_path):
    def open_remote(*names, num_bytes=None):
        urls = [server.url(name) for name in names or ["a.zip"]]
        return RemoteArchive(urls, tmp_path / "a.zip.members", num_bytes, "Place it somewhere")

    return open_remote


def damage(content: bytes, name: str) -> bytes:
    """Return an archive with one byte of a member changed."""
    return damaged(content, name, 2500)


def test_local_archive_reads_any_member(zipped):
    opened = LocalArchive(zipped)
    assert [name for name in opened.names if name in CONTENTS] == NAMES
    assert {name: opened.read(name) for name in reversed(NAMES)} == CONTENTS


def test_damaged_member_of_a_local_archive_is_named_and_others_are_read(zipped, tmp_path):
    (tmp_path / "b.zip").write_bytes(damage(zipped.read_bytes(), NAMES[7]))
    opened = LocalArchive(tmp_path / "b.zip")
    with pytest.raises(CorruptMemberError, match=rf"b\.zip: member {NAMES[7]} is corrupt \(.*\)"):
        opened.read(NAMES[7])
    assert opened.read(NAMES[8]) == CONTENTS[NAMES[8]]


@pytest.mark.parametrize("content", [b"", b"no archive", None], ids=["empty", "text", "truncated"])
def test_invalid_archive_is_refused(zipped, tmp_path, content):
    (tmp_path / "b.zip").write_bytes(zipped.read_bytes()[:-100] if content is None else content)
    with pytest.raises(DataError, match=r"b\.zip: not a readable zip archive"):
        LocalArchive(tmp_path / "b.zip")


def test_remote_archive_downloads_only_requested_members_once(open_remote, server, zipped, tmp_path):
    opened = open_remote(num_bytes=zipped.stat().st_size)
    opened.fetch(NAMES[3:6])
    asked = len(server.requests)
    assert asked <= 2 + 3
    assert [opened.read(name) for name in NAMES[3:6]] == [CONTENTS[name] for name in NAMES[3:6]]
    again = open_remote()
    again.fetch(NAMES[3:6])
    assert again.read(NAMES[4]) == CONTENTS[NAMES[4]]
    assert len(server.requests) == asked
    kept = {path.name for path in (tmp_path / "a.zip.members/speech").iterdir()}
    assert kept == {"003.bin", "004.bin", "005.bin"}


def test_member_names_outside_the_folder_are_ignored(open_remote):
    assert open_remote().names == NAMES


def test_damaged_cached_member_is_downloaded_again(open_remote, tmp_path):
    opened = open_remote()
    opened.read(NAMES[0])
    (tmp_path / "a.zip.members" / NAMES[0]).write_bytes(b"damaged")
    assert opened.read(NAMES[0]) == CONTENTS[NAMES[0]]


@pytest.mark.parametrize("fault", ["cuts", "statuses", "stalls"])
def test_temporary_network_faults_are_retried(open_remote, server, monkeypatch, fault):
    monkeypatch.setattr(remote_zip, "TIMEOUT_SECONDS", 0.2)
    opened = open_remote()
    {
        "cuts": lambda: server.cuts.extend([100, 0]),
        "statuses": lambda: server.statuses.extend([500, 503]),
        "stalls": lambda: setattr(server, "stalls", 2),
    }[fault]()
    assert [opened.read(name) for name in NAMES[:3]] == [CONTENTS[name] for name in NAMES[:3]]


@pytest.mark.parametrize("status", [403, 404])
def test_next_address_is_tried_at_once_after_a_permanent_error(open_remote, server, status):
    server.statuses = [status]
    assert open_remote("other.zip", "a.zip").names == NAMES
    assert [name for name, _ in server.requests[:2]] == ["other.zip", "a.zip"]


def test_next_address_is_tried_after_repeated_server_errors(open_remote, server):
    server.files["b.zip"] = server.files["a.zip"]
    server.statuses = [503] * http.ATTEMPTS
    assert open_remote("a.zip", "b.zip").names == NAMES
    assert [name for name, _ in server.requests[: http.ATTEMPTS + 1]] == ["a.zip"] * http.ATTEMPTS + ["b.zip"]


def test_all_failed_addresses_are_reported_with_advice(open_remote, server):
    with pytest.raises(DownloadError) as error:
        open_remote("gone.zip", "lost.zip")
    head, first, second, advice = str(error.value).splitlines()
    assert head == "a.zip: no address returned its directory"
    assert (server.url("gone.zip") in first, server.url("lost.zip") in second) == (True, True)
    assert advice == "Place it somewhere"


def test_member_with_transfer_errors_is_requested_again(open_remote, server):
    opened = open_remote()
    whole, server.files["a.zip"] = server.files["a.zip"], damage(server.files["a.zip"], NAMES[2])
    server.mends = {"a.zip": whole}
    assert opened.read(NAMES[2]) == CONTENTS[NAMES[2]]


def test_member_that_is_damaged_at_every_address_is_named(open_remote, server, tmp_path):
    server.files["a.zip"] = server.files["b.zip"] = damage(server.files["a.zip"], NAMES[2])
    opened = open_remote("a.zip", "b.zip")
    with pytest.raises(CorruptMemberError, match=rf"a\.zip: member {NAMES[2]} is corrupt \(Bad CRC-32"):
        opened.read(NAMES[2])
    assert not (tmp_path / "a.zip.members" / NAMES[2]).exists()
    assert opened.read(NAMES[3]) == CONTENTS[NAMES[3]]


def test_member_that_is_damaged_at_one_address_is_read_from_the_next(open_remote, server):
    server.files["b.zip"] = server.files["a.zip"]
    server.files["a.zip"] = damage(server.files["a.zip"], NAMES[2])
    assert open_remote("a.zip", "b.zip").read(NAMES[2]) == CONTENTS[NAMES[2]]


def test_archive_of_unexpected_size_is_refused(open_remote, server, zipped):
    size = zipped.stat().st_size
    with pytest.raises(DownloadError, match=rf"a\.zip: {size} bytes; {size + 1} expected"):
        open_remote(num_bytes=size + 1)


def test_server_without_range_requests_raises_its_own_error(open_remote, server):
    server.ranges = False
    with pytest.raises(NoRangesError, match="Place it somewhere"):
        open_remote()


def test_cached_members_are_read_offline_and_missing_ones_reported(open_remote, server, tmp_path):
    open_remote().fetch(NAMES[:2])
    alone = RemoteArchive([], tmp_path / "a.zip.members", None, "Place it somewhere")
    assert alone.read(NAMES[1]) == CONTENTS[NAMES[1]]
    with pytest.raises(DownloadError, match=rf"no address returned member {NAMES[5]}\nPlace it somewhere"):
        alone.read(NAMES[5])


def test_insufficient_disk_space_is_reported_before_the_transfer(open_remote, server, monkeypatch):
    opened = open_remote()
    asked = len(server.requests)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(OSError, match=r"10,000 bytes needed, 10 free"):
        opened.fetch(NAMES[:2])
    assert len(server.requests) == asked


def test_server_without_range_requests_is_skipped(open_remote, server):
    server.files["whole.zip"] = server.files["a.zip"]
    server.whole_only = {"whole.zip"}
    assert open_remote("whole.zip", "a.zip").names == NAMES


def test_server_that_stops_supporting_range_requests_is_reported_with_advice(open_remote, server):
    opened = open_remote()
    server.ranges = False
    with pytest.raises(DownloadError, match="does not support range requests\nPlace it somewhere"):
        opened.read(NAMES[0])


def test_failed_address_is_not_tried_again_for_every_member(open_remote, server):
    opened = open_remote("gone.zip", "a.zip")
    opened.fetch(NAMES[:10])
    assert [name for name, _ in server.requests].count("gone.zip") == 1
    assert len(server.requests) == 1 + 1 + 10


def test_interruption_does_not_reload_the_directory(open_remote, server):
    opened = open_remote()
    asked = len(server.requests)
    server.cuts = [100]
    assert opened.read(NAMES[0]) == CONTENTS[NAMES[0]]
    assert len(server.requests) == asked + 2


def test_archive_replaced_during_reading_is_reported(open_remote, server):
    opened = open_remote()
    size = len(server.files["a.zip"])
    server.files["a.zip"] += b"more"
    with pytest.raises(DownloadError, match=f"{size + 4} bytes; {size} expected"):
        opened.read(NAMES[0])


def test_member_is_damaged_even_if_another_address_lacks_the_archive(open_remote, server):
    server.files["a.zip"] = damage(server.files["a.zip"], NAMES[2])
    with pytest.raises(CorruptMemberError):
        open_remote("gone.zip", "a.zip").read(NAMES[2])


def test_member_is_not_reported_damaged_while_an_address_is_unreachable(open_remote, server):
    server.files["a.zip"] = damage(server.files["a.zip"], NAMES[2])
    opened = open_remote()
    opened.urls.append("http://127.0.0.1:9/a.zip")
    with pytest.raises(DownloadError):
        opened.read(NAMES[2])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_only_stored_and_deflated_members_are_supported(open_remote, server, tmp_path, method):
    with zipfile.ZipFile(tmp_path / "b.zip", "w", method) as writing:
        writing.writestr("a.txt", "text " * 100)
        writing.writestr("empty.txt", b"")
    server.files["b.zip"] = (tmp_path / "b.zip").read_bytes()
    opened = open_remote("b.zip")
    if method == zipfile.ZIP_BZIP2:
        with pytest.raises(CorruptMemberError, match="compression method 12"):
            opened.read("a.txt")
    else:
        assert (opened.read("a.txt"), opened.read("empty.txt")) == (b"text " * 100, b"")


def test_damaged_directory_is_reported(open_remote, server):
    server.files["a.zip"] = server.files["a.zip"].replace(b"PK\x01\x02", b"PK\x09\x09")
    with pytest.raises(DataError, match=r"a\.zip: its directory is corrupt \(Bad magic number"):
        open_remote()
