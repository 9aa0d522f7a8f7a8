"""Damage to files that keeps their length."""


def damaged(content: bytes, mark: str, beyond: int) -> bytes:
    """Return the bytes with one byte changed, `beyond` bytes after the end of the first `mark`."""
    place = content.index(mark.encode()) + len(mark) + beyond
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
