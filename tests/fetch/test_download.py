"""Downloads from a local server: only once, resumed, from alternative URLs, checked, from mirrors, offline."""

import hashlib
import json
import os
import random
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import urllib3

from codecfake.fetch import debian, download, http
from codecfake.fetch.download import Places
from codecfake.util.errors import DownloadError

CONTENT = bytes(range(256)) * 1000
KEY = "lyra/model.bin"
WRONG = CONTENT[:-1] + b"!"


@pytest.fixture
def server(http_server):
    http_server.files["a.bin"] = CONTENT
    return http_server


def entry(*urls, content=CONTENT, **source):
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **(source or {"urls": list(urls)})}


def fetch(server, cache, mirror=None, offline=False):
    return download.fetch(KEY, entry(server.url("a.bin")), Places(cache, mirror, offline))


def place(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def kept(cache):
    return {path.name for path in (cache / KEY).parent.iterdir() if path.suffix not in (".lock", ".verified")}


def test_file_is_downloaded_once(server, tmp_path):
    for _ in range(2):
        path = fetch(server, tmp_path)
        assert (path, path.read_bytes()) == (tmp_path / KEY, CONTENT)
    assert server.requests == [("a.bin", None)]
    assert kept(tmp_path) == {"model.bin"}


@pytest.mark.parametrize("ranges", [True, False])
def test_partial_file_is_resumed_or_downloaded_again(server, tmp_path, ranges):
    server.ranges = ranges
    place(tmp_path / f"{KEY}.part", CONTENT[:1000] if ranges else b"x" * 1000)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [("a.bin", "bytes=1000-")]
    assert kept(tmp_path) == {"model.bin"}


@pytest.mark.parametrize("partial", [CONTENT, WRONG, CONTENT + b"more"], ids=["complete", "wrong", "too long"])
def test_full_length_partial_file_is_used_or_replaced(server, tmp_path, partial):
    place(tmp_path / f"{KEY}.part", partial)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == ([] if partial == CONTENT else [("a.bin", None)])


@pytest.mark.parametrize(("cuts", "ranges"), [([0, 0], [None] * 3), ([5000], [None, "bytes=5000-"])])
def test_broken_connection_is_resumed(server, tmp_path, monkeypatch, cuts, ranges):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.cuts = cuts
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ranges


def test_unresponsive_server_is_reported_after_all_attempts(server, tmp_path):
    server.cuts = [0] * 100
    with pytest.raises(
        DownloadError, match=re.escape(f"{KEY}: no address returned the file\n  {server.url('a.bin')}: ")
    ):
        fetch(server, tmp_path)
    assert len(server.requests) == http.ATTEMPTS
    assert "model.bin" not in kept(tmp_path)


def test_next_address_is_tried_after_a_404(server, tmp_path):
    assert download.fetch(KEY, entry(server.url("gone"), server.url("a.bin")), Places(tmp_path)).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == ["gone", "a.bin"]


def test_all_failed_addresses_are_reported_with_advice(server, tmp_path):
    gone, lost, place_it = server.url("gone"), server.url("lost"), re.escape(str(tmp_path / KEY))
    with pytest.raises(DownloadError, match=rf"{KEY}: .*\n  {gone}: 404.*\n  {lost}: 404.*\n.*{place_it}.*\n.*mirror:"):
        download.fetch(KEY, entry(gone, lost), Places(tmp_path))


OTHER_FILES = {
    f"sha256 {entry(content=WRONG)['sha256']}; {entry()['sha256']} expected": WRONG,
    "255999 bytes; 256000 expected": CONTENT[:-1],
    "256001 bytes; 256000 expected": CONTENT + b"!",
}


@pytest.mark.parametrize(("differs", "content"), OTHER_FILES.items(), ids=["hash", "short", "long"])
def test_file_with_wrong_hash_or_size_is_refused_and_not_kept(server, tmp_path, differs, content):
    server.files["a.bin"] = content
    with pytest.raises(DownloadError, match=rf"{KEY}: .*\n  {server.url('a.bin')}: .*{differs}"):
        fetch(server, tmp_path)
    assert "model.bin" not in kept(tmp_path)
    server.files["a.bin"] = CONTENT
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("present", [True, False])
def test_mirror_folder_has_priority_over_addresses(server, tmp_path, present):
    place(tmp_path / "mirror" / (KEY if present else "other.bin"), CONTENT)
    assert fetch(server, tmp_path / "cache", str(tmp_path / "mirror")).read_bytes() == CONTENT
    assert server.requests == ([] if present else [("a.bin", None)])


@pytest.mark.parametrize("folder", ["cache", "mirror"])
def test_wrong_file_in_cache_or_mirror_is_refused_with_both_hashes(tmp_path, folder):
    place(tmp_path / folder / KEY, WRONG)
    hashes = f"sha256 {entry(content=WRONG)['sha256']}; {entry()['sha256']} expected"
    with pytest.raises(DownloadError, match=rf"model\.bin.*: {hashes}\. Delete it to fetch it again"):
        download.fetch(KEY, entry(), Places(tmp_path / "cache", str(tmp_path / "mirror")))
    assert kept(tmp_path / "cache") == ({"model.bin"} if folder == "cache" else set())


def test_mirror_address_has_priority_over_addresses(server, tmp_path):
    server.files[f"mirror/{KEY}"] = CONTENT
    assert fetch(server, tmp_path, server.url("mirror/")).read_bytes() == CONTENT
    assert server.requests == [(f"mirror/{KEY}", None)]


def test_repository_file_is_checked_in_place(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "REPOSITORY", tmp_path)
    place(tmp_path / "a.bin", CONTENT)
    assert download.fetch("a.bin", entry(repository=True), Places(tmp_path / "cache")) == tmp_path / "a.bin"
    assert not (tmp_path / "cache").exists()
    (tmp_path / "a.bin").unlink()
    with pytest.raises(DownloadError, match=r"a\.bin: no such file"):
        download.fetch("a.bin", entry(repository=True), Places(tmp_path / "cache"))


DEBIAN = {"debian": {"path": "pool/main/s/speech/speech_1.0_all.deb", "sha1": "ab" * 20}}


@pytest.fixture
def debian_servers(server, tmp_path, monkeypatch):
    """Folders of the server: a mirror from the apt configuration, Debian's archive and its snapshots."""
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt/sources.list").write_text(f"deb {server.url('mirror')} bookworm main\n")
    monkeypatch.setattr(debian, "APT", tmp_path / "apt")
    monkeypatch.setattr(debian, "ARCHIVE", server.url("archive"))
    monkeypatch.setattr(debian, "SNAPSHOT", server.url("snapshot"))
    path = DEBIAN["debian"]["path"]
    return [f"mirror/{path}", f"archive/{path}", f"snapshot/{DEBIAN['debian']['sha1']}"]


@pytest.mark.parametrize("place", range(3))
def test_debian_package_is_downloaded_from_the_first_server_that_has_it(server, tmp_path, debian_servers, place):
    server.files[debian_servers[place]] = CONTENT
    assert download.fetch(KEY, entry(**DEBIAN), Places(tmp_path / "cache")).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == debian_servers[: place + 1]


@pytest.mark.parametrize(("other", "asked"), [(WRONG, 2), (CONTENT[:-1], 1), (CONTENT * 2, 1)])
def test_wrong_build_of_a_debian_package_is_skipped(server, tmp_path, debian_servers, other, asked):
    server.files[debian_servers[0]], server.files[debian_servers[2]] = other, CONTENT
    assert download.fetch(KEY, entry(**DEBIAN), Places(tmp_path / "cache")).read_bytes() == CONTENT
    # a wrong size is detected before the download
    assert [name for name, _ in server.requests] == [debian_servers[0]] * asked + debian_servers[1:]


def test_file_of_wrong_size_does_not_overwrite_the_partial_file(server, tmp_path):
    server.files |= {"a.bin": CONTENT * 2, "b.bin": CONTENT}
    place(tmp_path / f"{KEY}.part", CONTENT[:1000])
    server.ranges = False
    with pytest.raises(DownloadError, match="512000 bytes; 256000 expected"):
        fetch(server, tmp_path)
    assert (tmp_path / f"{KEY}.part").read_bytes() == CONTENT[:1000]
    server.ranges = True
    described = entry(server.url("a.bin"), server.url("b.bin"))
    assert download.fetch(KEY, described, Places(tmp_path)).read_bytes() == CONTENT
    assert server.requests[-1] == ("b.bin", "bytes=1000-")


def test_missing_debian_package_is_reported_with_all_servers_and_its_path(server, tmp_path, debian_servers):
    with pytest.raises(DownloadError) as error:
        download.fetch(KEY, entry(**DEBIAN), Places(tmp_path / "cache"))
    for name in debian_servers:
        assert f"\n  {server.url(name)}: 404 Client Error" in str(error.value)
    assert f"\nPlace {tmp_path / 'cache' / KEY} (256,000 bytes, sha256 {entry()['sha256']}) from" in str(error.value)
    assert kept(tmp_path / "cache") == set()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_proxy_is_used_unless_no_proxy_names_the_server(server, tmp_path, monkeypatch, name):
    for variable in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, server.url())
    server.files = {"http://files.invalid/a.bin": CONTENT}
    described = entry("http://files.invalid/a.bin")
    assert download.fetch(KEY, described, Places(tmp_path / "one")).read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["http://files.invalid/a.bin"]
    server.files["a.bin"] = CONTENT
    monkeypatch.setenv(name.replace("http", "no").replace("HTTP", "NO"), "127.0.0.1")
    assert fetch(server, tmp_path / "two").read_bytes() == CONTENT
    assert server.requests[-1] == ("a.bin", None)


def unknown(server):
    """An entry without size and hash."""
    return {"urls": [server.url("a.bin")]}


def test_unknown_size_and_hash_are_recorded_at_the_first_download_and_checked(server, tmp_path, capsys):
    lock = tmp_path / "downloads.lock.json"
    for cache in ("one", "two"):
        assert download.fetch(KEY, unknown(server), Places(tmp_path / cache), lock=lock).read_bytes() == CONTENT
    recorded = {key: entry()[key] for key in ("bytes", "sha256")}
    assert json.loads(lock.read_text()) == {KEY: recorded}
    assert capsys.readouterr().err.count(f"recorded in {lock}") == 1
    server.files["a.bin"] = WRONG
    with pytest.raises(DownloadError, match=f"{entry(content=WRONG)['sha256']}; {recorded['sha256']} expected"):
        download.fetch(KEY, unknown(server), Places(tmp_path / "three"), lock=lock)
    place(tmp_path / "one" / KEY, WRONG)
    with pytest.raises(DownloadError, match=f"{recorded['sha256']} expected"):
        download.fetch(KEY, unknown(server), Places(tmp_path / "one"), lock=lock)


def test_known_hash_needs_neither_lock_nor_size(server, tmp_path):
    known = {**unknown(server), "sha256": entry()["sha256"]}
    assert download.fetch(KEY, known, Places(tmp_path), lock=tmp_path / "lock.json").read_bytes() == CONTENT
    place(tmp_path / "other" / f"{KEY}.part", CONTENT)
    assert download.fetch(KEY, known, Places(tmp_path / "other"), lock=tmp_path / "lock.json").read_bytes() == CONTENT
    assert not (tmp_path / "lock.json").exists()


def test_concurrent_jobs_record_all_their_files(server, tmp_path):
    lock, keys = tmp_path / "lock.json", [f"file{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: download.fetch(key, unknown(server), Places(tmp_path / "cache"), lock=lock), keys))
    assert list(json.loads(lock.read_text())) == keys


def test_partial_file_without_known_hash_or_origin_is_not_resumed(server, tmp_path):
    place(tmp_path / f"{KEY}.part", b"x" * 1000)
    assert download.fetch(KEY, unknown(server), Places(tmp_path), lock=tmp_path / "lock.json").read_bytes() == CONTENT


def test_web_page_is_refused_as_checkpoint(server, tmp_path):
    server.content_type = "text/html; charset=utf-8"
    place(tmp_path / f"{KEY}.part", CONTENT[:1000])
    for described in (unknown(server), entry(server.url("a.bin"))):
        with pytest.raises(DownloadError, match="web page"):
            download.fetch(KEY, described, Places(tmp_path), lock=tmp_path / "lock.json")
    assert (tmp_path / f"{KEY}.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "lock.json").exists()


def test_file_without_known_hash_is_resumed_if_the_etag_matches(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.cuts = [5000] + [0] * http.ATTEMPTS
    with pytest.raises(DownloadError):
        download.fetch(KEY, unknown(server), Places(tmp_path), lock=tmp_path / "lock.json")
    assert kept(tmp_path) == {"model.bin.part", "model.bin.part.origin"}
    server.cuts = []
    assert download.fetch(KEY, unknown(server), Places(tmp_path), lock=tmp_path / "lock.json").read_bytes() == CONTENT
    assert server.requests[-1] == ("a.bin", "bytes=5000-")
    assert kept(tmp_path) == {"model.bin"}


@pytest.mark.parametrize("etags", [True, False])
def test_file_without_known_hash_is_downloaded_again_if_it_changed(server, tmp_path, monkeypatch, etags):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.etags, server.cuts = etags, [5000] + [0] * http.ATTEMPTS
    with pytest.raises(DownloadError):
        download.fetch(KEY, unknown(server), Places(tmp_path), lock=tmp_path / "lock.json")
    server.cuts, server.files["a.bin"] = [], CONTENT[::-1]
    fetched = download.fetch(KEY, unknown(server), Places(tmp_path), lock=tmp_path / "lock.json")
    assert fetched.read_bytes() == CONTENT[::-1]


def test_repeatedly_interrupted_download_completes_while_data_arrives(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.cuts = [10000] * 20
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 21 > http.ATTEMPTS


def test_stalled_connection_times_out_and_is_resumed(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    server.stalls = 2
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [None, "bytes=128000-", "bytes=192000-"]


@pytest.mark.parametrize(("status", "requests"), [(403, 1), (404, 1), (500, 3), (503, 3), (429, 3)])
def test_only_temporary_http_errors_are_retried(server, tmp_path, status, requests):
    server.statuses = [status] * 2 if requests == 3 else [status]
    server.files["b.bin"] = CONTENT
    described = entry(server.url("a.bin"), server.url("b.bin"))
    assert download.fetch(KEY, described, Places(tmp_path)).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == (["a.bin", "b.bin"] if requests == 1 else ["a.bin"] * 3)


def test_next_address_is_tried_after_repeated_server_errors(server, tmp_path):
    server.statuses = [503] * http.ATTEMPTS
    server.files["b.bin"] = CONTENT
    described = entry(server.url("a.bin"), server.url("b.bin"))
    assert download.fetch(KEY, described, Places(tmp_path)).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == ["a.bin"] * http.ATTEMPTS + ["b.bin"]


@pytest.mark.parametrize("known", [True, False])
def test_insufficient_disk_space_is_reported_before_the_transfer(server, tmp_path, monkeypatch, known):
    place(tmp_path / f"{KEY}.part", CONTENT[:1000])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**6, 10**6 - 5, 5))
    described = entry(server.url("a.bin"))
    if not known:
        del described["bytes"]
    with pytest.raises(OSError, match=r"255,000 bytes needed, 5 free; free some space, or set `cache:`"):
        download.fetch(KEY, described, Places(tmp_path))
    assert len(server.requests) == (0 if known else 1)
    assert (tmp_path / f"{KEY}.part").read_bytes() == CONTENT[:1000]


def test_offline_error_says_where_to_place_the_file(server, tmp_path):
    message = (
        f"{KEY}: it is neither in the cache nor in the mirror, and `offline` is set\n"
        f"Place {tmp_path / KEY} (256,000 bytes, sha256 {entry()['sha256']}) from {server.url('a.bin')}\n"
        f"or set `mirror:` to a folder or address that holds {KEY}"
    )
    with pytest.raises(DownloadError) as error:
        fetch(server, tmp_path, offline=True)
    assert str(error.value) == message
    assert server.requests == []
    place(tmp_path / KEY, CONTENT)
    assert fetch(server, tmp_path, offline=True) == tmp_path / KEY


def test_offline_still_uses_the_configured_mirror(server, tmp_path):
    server.files[f"mirror/{KEY}"] = CONTENT
    assert fetch(server, tmp_path, server.url("mirror"), offline=True).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == [f"mirror/{KEY}"]


def test_offline_requests_no_debian_mirror(tmp_path):
    with pytest.raises(DownloadError, match=rf"from .*{debian.SNAPSHOT}/{DEBIAN['debian']['sha1']}\n"):
        download.fetch(KEY, entry(**DEBIAN), Places(tmp_path, offline=True))


def test_file_is_hashed_again_only_after_a_change(server, tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr(download, "sha256", lambda path: hashed.append(path) or entry()["sha256"])
    fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert len(hashed) == 1
    os.utime(tmp_path / KEY)
    fetch(server, tmp_path)
    assert len(hashed) == 2


def test_overwritten_file_is_refused(server, tmp_path):
    fetch(server, tmp_path)
    place(tmp_path / KEY, WRONG)
    with pytest.raises(DownloadError, match="Delete it to fetch it again"):
        fetch(server, tmp_path)


def test_file_in_a_mirror_folder_is_used_in_place(server, tmp_path):
    place(tmp_path / "mirror" / KEY, CONTENT)
    assert fetch(server, tmp_path / "cache", str(tmp_path / "mirror")) == tmp_path / "mirror" / KEY
    assert kept(tmp_path / "cache") == set()


def test_concurrent_jobs_download_a_file_once_and_report_waiting(server, tmp_path, capsys):
    held, release = threading.Event(), threading.Event()

    def first():
        with download.held(tmp_path / KEY.replace("/", "-"), KEY):
            held.set()
            release.wait()

    def second():
        with download.held(tmp_path / KEY.replace("/", "-"), KEY):
            pass

    with ThreadPoolExecutor(2) as threads:
        threads.submit(first)
        held.wait()
        waiting = threads.submit(second)
        time.sleep(0.1)
        assert not waiting.done()
        release.set()
    assert capsys.readouterr().err == f"{KEY}: waiting for another job that fetches it\n"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: fetch(server, tmp_path / "cache"), range(4)))
    assert len(server.requests) == 1


def test_wrong_partial_file_is_downloaded_again(server, tmp_path):
    place(tmp_path / f"{KEY}.part", b"x" * 1000)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [("a.bin", "bytes=1000-"), ("a.bin", None)]


def test_download_over_short_connections_completes(server, tmp_path):
    server.files["a.bin"] = CONTENT * 10
    server.cuts = [200_000] * 12
    described = entry(server.url("a.bin"), content=CONTENT * 10)
    assert download.fetch(KEY, described, Places(tmp_path)).read_bytes() == CONTENT * 10


def test_unreliable_server_without_range_requests_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.ranges = False
    server.cuts = [random.Random(number).randrange(250_000) for number in range(1000)]
    with pytest.raises(DownloadError):
        fetch(server, tmp_path)
    assert len(server.requests) < 200


def test_file_with_known_hash_is_resumed_without_etag(server, tmp_path, monkeypatch):
    monkeypatch.setattr(http, "CHUNK_BYTES", 1000)
    server.etags, server.cuts = False, [100_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests[1] == ("a.bin", "bytes=100000-")


def test_error_message_is_that_of_the_innermost_exception():
    url = "http://nowhere.invalid/a"
    inner = urllib3.exceptions.NewConnectionError(None, "refused")
    wrapped = requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, url, inner))
    assert http.brief(wrapped) == str(inner)
    assert http.brief(requests.HTTPError("404 Client Error")) == "404 Client Error"
    assert http.brief(ValueError()) == ""
