"""What a page of HTML holds, as it is written and as a browser shows it."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

from optional import lacking

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: Chromium itself crashes once in a while (seen: a segmentation fault in one of a hundred starts), whatever the page.
ATTEMPTS = 3


class Page(HTMLParser):
    """What a page holds: its tags, the text of its cells by table, all its text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.tables: list[list[list[str]]] = []
        self.text, self._in_cell = "", False
        self.feed(html)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag) -> None:
        self._in_cell &= tag not in ("td", "th")

    def handle_data(self, data) -> None:
        self.text += data
        if self._in_cell:
            self.tables[-1][-1][-1] += data

    def sources(self, tag: str) -> list[str]:
        return [attributes["src"] for name, attributes in self.tags if name == tag]

    def table(self, first_cell: str) -> list[list[str]]:
        return next(rows for rows in self.tables if rows[0][0] == first_cell)


def require_chromium() -> None:
    """Without Chromium the test is skipped, or fails if CODECFAKE_REQUIRE_BROWSER=1."""
    if shutil.which(CHROMIUM[0]) is None:
        lacking("BROWSER", f"no {CHROMIUM[0]} on PATH")


def chromium(page: Path, *options: str) -> str:
    """What headless Chromium prints of a page; its profile lies beside the page. See `require_chromium`."""
    require_chromium()
    command = [*CHROMIUM, f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()]
    for _ in range(ATTEMPTS):
        result = subprocess.run(command, check=False, capture_output=True, timeout=120, cwd=page.parent)
        if result.returncode >= 0:
            break
    result.check_returncode()
    return result.stdout.decode()
