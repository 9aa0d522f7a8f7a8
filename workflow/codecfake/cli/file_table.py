"""Print or write a table with one row per audio file."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path


def write(
    args: argparse.Namespace, found: Iterable[tuple], number: int, head: tuple[str, ...], row: Callable, done: str
) -> None:
    """Print or write one row per file; report files with an error on standard error.

    A name with a tab, a line break or a quote is quoted as in CSV.

    Args:
        found: (path, value or AudioError) of each of `number` files.
        row: converts a value to the cells that follow the file name.
        done: the operation as a past participle ("scored"), for messages.

    Raises:
        AudioError: a file had an error; raised after all files are processed.
    """
    from tqdm import tqdm

    from codecfake.util.errors import AudioError

    rows, lost = [], 0
    for path, value in tqdm(found, total=number, unit="file", disable=None):
        if isinstance(value, AudioError):
            lost += 1
            tqdm.write(f"codecfake {args.verb}: {value}", file=sys.stderr)
        else:
            rows.append((str(path), *row(value)))
    _write_rows(head, rows, args.format, args.out)
    if lost:
        raise AudioError(f"{lost} of {number} files could not be {done}")


def _write_rows(head: tuple[str, ...], rows: list[tuple], kind: str, path: Path | None) -> None:
    from codecfake.util.files import write_text

    if kind == "json":
        text = json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=2) + "\n"
    else:
        text = "".join("\t".join(map(_quoted, row)) + "\n" for row in (head, *rows))
    if path:
        write_text(path, text)
    else:
        sys.stdout.write(text)


def _quoted(cell: object) -> str:
    """Return a cell's text, in quotes if a reader of CSV needs them (the module csv does not quote \\r)."""
    text = str(cell)
    return '"' + text.replace('"', '""') + '"' if set(text) & set('\t\r\n"') else text
