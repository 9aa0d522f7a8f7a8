"""Hashes of texts and files, and numbers drawn by a hash."""

import hashlib
from pathlib import Path


def digest(*texts: str) -> str:
    """A hash of texts, to tell whether something was made from the same."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stable_number(text: str) -> int:
    """A number that depends on the text alone: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
