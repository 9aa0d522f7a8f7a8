"""A local file server that simulates faults: interruptions, stalls, error statuses, wrong bytes."""

import re
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Server(ThreadingHTTPServer):
    """A server of `files`.

    Attributes:
        files: content by path.
        requests: (path, Range header or None) of every request so far.
        ranges: whether Range headers are honoured.
        whole_only: files for which Range headers are ignored.
        etags: whether responses have an ETag.
        cuts: number of bytes after which each of the next responses breaks off (None: complete response).
        statuses: HTTP statuses of the next responses, sent instead of the file.
        mends: content that replaces a file after its first request.
        stalls: number of next responses that stop half-way without closing the connection.
        bytes_a_second: maximum rate of each response; None for no limit.
        content_type: content type of all responses.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.ranges, self.etags = True, True
        self.whole_only: set[str] = set()
        self.cuts: list[int | None] = []
        self.statuses: list[int] = []
        self.stalls = 0
        self.mends: dict[str, bytes] = {}
        self.bytes_a_second: int | None = None
        self.content_type = "application/octet-stream"
        self.closing = threading.Event()

    def handle_error(self, request, client_address):
        """Ignore disconnected clients."""

    def url(self, name: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    @property
    def name(self) -> str:
        """The path of the requested file, or the complete URL if the server acts as a proxy."""
        return self.path.removeprefix("/")

    def do_GET(self):
        name, asked = self.name, self.headers.get("Range")
        self.server.requests.append((name, asked))
        content = self.server.files.get(name)
        self.server.files |= {name: self.server.mends.pop(name)} if name in self.server.mends else {}
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
        elif content is None:
            self.send_error(404)
        else:
            self._send(content, asked)

    def _send(self, content: bytes, asked: str | None) -> None:
        etag = f'"{len(content)}-{zlib.crc32(content[:65536] + content[-65536:])}"'
        unchanged = self.headers.get("If-Range", etag) == etag
        begin, end = 0, len(content)
        if asked and self.server.ranges and self.name not in self.server.whole_only and unchanged:
            first, last = RANGE.fullmatch(asked).groups()
            begin = int(first) if first else max(0, len(content) - int(last))
            end = min(len(content), int(last) + 1) if first and last else len(content)
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Content-Type", self.server.content_type)
        if self.server.etags:
            self.send_header("ETag", etag)
        self.end_headers()
        self._send_body(content[begin:end])

    def _send_body(self, body: bytes) -> None:
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        if self.server.stalls:
            self.server.stalls -= 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.closing.wait()
            self.close_connection = True
        elif cut is not None:
            self.wfile.write(body[:cut])
            self.close_connection = True
        else:
            self._send_slowly(body)

    def _send_slowly(self, body: bytes) -> None:
        at_once = (self.server.bytes_a_second or 20 * len(body)) // 20
        for begin in range(0, len(body), at_once or 1):
            self.wfile.write(body[begin : begin + at_once])
            if self.server.bytes_a_second:
                time.sleep(0.05)

    def log_message(self, *arguments):
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server for the duration of the block."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
