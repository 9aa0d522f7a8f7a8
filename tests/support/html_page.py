"""Read an HTML page, as source and as rendered by a browser."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

from optional import lacking

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
#: Number of attempts: Chromium occasionally crashes with any page (a segmentation fault in one of a hundred starts).
ATTEMPTS = 3


class Page(HTMLParser):
    """The content of a page: its tags, the text of table cells by table, and all text."""

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
    """Skip the test without Chromium, or fail if CODECFAKE_REQUIRE_BROWSER=1."""
    if shutil.which(CHROMIUM[0]) is None:
        lacking("BROWSER", f"no {CHROMIUM[0]} on PATH")


def chromium(page: Path, *options: str) -> str:
    """Return the output of headless Chromium for a page, with its profile next to the page; see `require_chromium`."""
    require_chromium()
    command = [*CHROMIUM, f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()]
    for _ in range(ATTEMPTS):
        result = subprocess.run(command, check=False, capture_output=True, timeout=120, cwd=page.parent)
        if result.returncode >= 0:
            break
    result.check_returncode()
    return result.stdout.decode()
