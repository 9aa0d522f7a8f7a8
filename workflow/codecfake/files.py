"""Write a file whole or not at all; hash it."""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` if the block ends well, else remove it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a torch checkpoint atomically.

    Through memory: given a path, torch writes its name into the file and hides why a write failed.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def digest(*texts: str) -> str:
    """A hash of texts, to tell whether something was made from the same."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
