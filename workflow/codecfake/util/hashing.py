"""Hashes of texts and files, and pseudo-random numbers derived from hashes."""

import hashlib
from pathlib import Path


def digest(*texts: str) -> str:
    """Return the SHA-256 of texts, to detect changed inputs."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as hex digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stable_number(text: str) -> int:
    """Return a number that depends only on the text: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
