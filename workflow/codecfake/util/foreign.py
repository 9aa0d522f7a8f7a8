"""Recognise files that stand in for the file whose name they have."""

HEAD_BYTES = 512


def described(head: bytes) -> str | None:
    """Return what a file is, judged by its first `HEAD_BYTES` bytes; None if it may be what its name says."""
    if not head:
        return "the file is empty"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself; `git lfs pull` fetches it"
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not the file itself; download it again"
    if not any(head):
        return "the file begins with zeros; it was not written completely"
    return None
