"""Downloads from a server on this machine: once, resumed, from the next address, checked, mirrored."""

import hashlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tenacity

from codecfake import download
from codecfake.errors import DownloadError

CONTENT = bytes(range(256)) * 1000
KEY = "lyra/model.bin"
WRONG = CONTENT[:-1] + b"!"


class Server(ThreadingHTTPServer):
    """Serves `files`; `ranges` answers Range; `cuts` says after how many bytes the next answers break off."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.ranges, self.cuts = {"a.bin": CONTENT}, [], True, []
        self.content_type = "application/octet-stream"

    def url(self, name=""):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path[1:], wanted))
        content = self.server.files.get(self.path[1:])
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.server.ranges else 0
        if content is None or start >= len(content):
            self.send_error(404 if content is None else 416)
        elif cut != 0:
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("Content-Type", self.server.content_type)
            self.end_headers()
            self.wfile.write(content[start:][:cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download._stream.retry, "wait", tenacity.wait_none())
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def entry(*urls, content=CONTENT, **source):
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **(source or {"urls": list(urls)})}


def fetch(server, cache, mirror=None):
    return download.fetch(KEY, entry(server.url("a.bin")), cache, mirror)


def place(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def kept(cache):
    return {path.name for path in (cache / KEY).parent.iterdir() if path.suffix != ".lock"}


def test_a_file_is_fetched_once(server, tmp_path):
    for _ in range(2):
        path = fetch(server, tmp_path)
        assert (path, path.read_bytes()) == (tmp_path / KEY, CONTENT)
    assert server.requests == [("a.bin", None)]
    assert kept(tmp_path) == {"model.bin"}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_partial_file_is_resumed_or_fetched_anew(server, tmp_path, ranges):
    server.ranges = ranges
    place(tmp_path / f"{KEY}.part", CONTENT[:1000] if ranges else b"x" * 1000)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [("a.bin", "bytes=1000-")]
    assert kept(tmp_path) == {"model.bin"}


@pytest.mark.parametrize("partial", [CONTENT, WRONG, CONTENT + b"more"], ids=["whole", "wrong", "too long"])
def test_a_partial_file_that_lacks_nothing_is_no_obstacle(server, tmp_path, partial):
    place(tmp_path / f"{KEY}.part", partial)
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(("cuts", "ranges"), [([0, 0], [None] * 3), ([5000], [None, "bytes=5000-"])])
def test_a_connection_that_breaks_off_is_taken_up_again(server, tmp_path, monkeypatch, cuts, ranges):
    monkeypatch.setattr(download, "CHUNK_BYTES", 1000)
    server.cuts = cuts
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ranges


def test_a_server_that_never_answers_is_given_up_and_named(server, tmp_path):
    server.cuts = [0] * 100
    with pytest.raises(DownloadError, match=re.escape(f"{KEY}: no address gave the file:\n  {server.url('a.bin')}: ")):
        fetch(server, tmp_path)
    assert len(server.requests) == download.ATTEMPTS
    assert kept(tmp_path) == set()


def test_the_next_address_is_used_after_a_404(server, tmp_path):
    assert download.fetch(KEY, entry(server.url("gone"), server.url("a.bin")), tmp_path).read_bytes() == CONTENT
    assert [name for name, _ in server.requests] == ["gone", "a.bin"]


def test_if_no_address_has_the_file_all_are_named_with_what_to_do(server, tmp_path):
    gone, lost, place_it = server.url("gone"), server.url("lost"), re.escape(str(tmp_path / KEY))
    with pytest.raises(DownloadError, match=rf"{KEY}: .*\n  {gone}: 404.*\n  {lost}: 404.*\n.*{place_it}.*mirror:"):
        download.fetch(KEY, entry(gone, lost), tmp_path)


OTHER_FILES = {
    f"sha256 {entry(content=WRONG)['sha256']}; {entry()['sha256']} expected": WRONG,
    "255999 bytes; 256000 expected": CONTENT[:-1],
    "256001 bytes; 256000 expected": CONTENT + b"!",
}


@pytest.mark.parametrize(("differs", "content"), OTHER_FILES.items(), ids=["hash", "short", "long"])
def test_a_file_that_is_not_the_one_described_is_refused_and_not_kept(server, tmp_path, differs, content):
    server.files["a.bin"] = content
    with pytest.raises(DownloadError, match=rf"{KEY}: .*\n  {server.url('a.bin')}: .*{differs}"):
        fetch(server, tmp_path)
    assert "model.bin" not in kept(tmp_path)
    server.files["a.bin"] = CONTENT
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("present", [True, False])
def test_a_mirror_folder_comes_before_the_addresses_if_it_has_the_file(server, tmp_path, present):
    place(tmp_path / "mirror" / (KEY if present else "other.bin"), CONTENT)
    assert fetch(server, tmp_path / "cache", str(tmp_path / "mirror")).read_bytes() == CONTENT
    assert server.requests == ([] if present else [("a.bin", None)])


@pytest.mark.parametrize("folder", ["cache", "mirror"])
def test_a_wrong_file_in_the_cache_or_a_mirror_is_refused_with_both_hashes(tmp_path, folder):
    place(tmp_path / folder / KEY, WRONG)
    hashes = f"sha256 {entry(content=WRONG)['sha256']}; {entry()['sha256']} expected"
    with pytest.raises(DownloadError, match=rf"model\.bin.*: {hashes}\. Delete it to fetch it again"):
        download.fetch(KEY, entry(), tmp_path / "cache", str(tmp_path / "mirror"))
    assert kept(tmp_path / "cache") == ({"model.bin"} if folder == "cache" else set())


def test_a_mirror_address_comes_before_the_addresses(server, tmp_path):
    server.files[f"mirror/{KEY}"] = CONTENT
    assert fetch(server, tmp_path, server.url("mirror/")).read_bytes() == CONTENT
    assert server.requests == [(f"mirror/{KEY}", None)]


def test_a_file_of_the_repository_is_checked_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "REPOSITORY", tmp_path)
    place(tmp_path / "a.bin", CONTENT)
    assert download.fetch("a.bin", entry(repository=True), tmp_path / "cache") == tmp_path / "a.bin"
    assert not (tmp_path / "cache").exists()
    (tmp_path / "a.bin").unlink()
    with pytest.raises(DownloadError, match=r"a\.bin: no such file"):
        download.fetch("a.bin", entry(repository=True), tmp_path / "cache")


def test_an_apt_entry_is_fetched_by_apt_and_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(download.apt, "download", lambda package, version, path, work: path.write_bytes(CONTENT))
    source = {"apt": {"package": "speech", "version": "1.0"}}
    assert download.fetch(KEY, entry(**source), tmp_path / "cache").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match=r"model\.bin.*expected"):
        download.fetch(KEY, entry(content=WRONG, **source), tmp_path / "other")
    assert kept(tmp_path / "other") == set()


def unknown(server):
    """An entry that knows neither size nor hash."""
    return {"urls": [server.url("a.bin")]}


def test_what_is_not_known_beforehand_is_recorded_at_first_fetch_and_holds(server, tmp_path, capsys):
    lock = tmp_path / "downloads.lock.json"
    for cache in ("one", "two"):
        assert download.fetch(KEY, unknown(server), tmp_path / cache, lock=lock).read_bytes() == CONTENT
    recorded = {key: entry()[key] for key in ("bytes", "sha256")}
    assert json.loads(lock.read_text()) == {KEY: recorded}
    assert capsys.readouterr().err.count(f"recorded in {lock}") == 1
    server.files["a.bin"] = WRONG
    with pytest.raises(DownloadError, match=f"{entry(content=WRONG)['sha256']}; {recorded['sha256']} expected"):
        download.fetch(KEY, unknown(server), tmp_path / "three", lock=lock)
    place(tmp_path / "one" / KEY, WRONG)
    with pytest.raises(DownloadError, match=f"{recorded['sha256']} expected"):
        download.fetch(KEY, unknown(server), tmp_path / "one", lock=lock)


def test_a_known_hash_needs_no_lock_and_no_size(server, tmp_path):
    known = {**unknown(server), "sha256": entry()["sha256"]}
    assert download.fetch(KEY, known, tmp_path, lock=tmp_path / "lock.json").read_bytes() == CONTENT
    place(tmp_path / "other" / f"{KEY}.part", CONTENT)
    assert download.fetch(KEY, known, tmp_path / "other", lock=tmp_path / "lock.json").read_bytes() == CONTENT
    assert not (tmp_path / "lock.json").exists()


def test_two_jobs_record_both_their_files(server, tmp_path):
    lock, keys = tmp_path / "lock.json", [f"file{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: download.fetch(key, unknown(server), tmp_path / "cache", lock=lock), keys))
    assert list(json.loads(lock.read_text())) == keys


def test_beginnings_of_unknown_files_are_not_joined(server, tmp_path):
    place(tmp_path / f"{KEY}.part", b"x" * 1000)
    assert download.fetch(KEY, unknown(server), tmp_path, lock=tmp_path / "lock.json").read_bytes() == CONTENT


def test_a_web_page_is_no_checkpoint(server, tmp_path):
    server.content_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="web page"):
        download.fetch(KEY, unknown(server), tmp_path, lock=tmp_path / "lock.json")
    assert not (tmp_path / "lock.json").exists()
