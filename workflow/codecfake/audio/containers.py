"""What the header of an audio container promises, so that a truncated file is not read as a short one.

libsndfile reads what there is. Formats: RIFF and AIFF (EA IFF 85), RF64 (EBU Tech 3306), Sony Wave64, NeXT AU, Core
Audio Format, NIST SPHERE, Ogg (RFC 3533).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Sizes in the headers of files written to a pipe: 0, the largest number, SoX.
UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFF000)
WAVE64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
WAVE64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")


class Chunk(NamedTuple):
    """A chunk of a container: name, first byte of its content, promised size."""

    name: bytes
    start: int
    size: int


def promised_end(data: bytes) -> int | None:
    """Return the number of bytes at which a file's audio should end; None if its header does not say."""
    for magic, end in ENDS.items():
        if data.startswith(magic):
            return end(data)
    return None


def unfinished(data: bytes) -> int | None:
    """Return the first byte of the audio of a WAV file whose header says 0 bytes although more follow; else None."""
    chunk = _audio_chunk(_chunks(data, 12, "little")) if data.startswith(b"RIFF") else None
    return chunk.start if chunk and chunk.size == 0 and chunk.start < len(data) else None


def finished(data: bytes, start: int) -> bytes:
    """Return a WAV file whose audio begins at `start` with the size of the audio in its header."""
    return data[: start - 4] + (len(data) - start).to_bytes(4, "little") + data[start:]


def ends_with_last_page(data: bytes) -> bool:
    """Return whether the last page of an Ogg file ends a stream and is complete (RFC 3533)."""
    start = data.rfind(b"OggS")
    header = data[start : start + 27]
    if len(header) < 27:
        return False
    segments = data[start + 27 : start + 27 + header[26]]
    complete = start + 27 + header[26] + sum(segments) <= len(data) and len(segments) == header[26]
    return complete and bool(header[5] & 4)


def _chunks(data: bytes, start: int, order: str) -> Iterator[Chunk]:
    """Yield the chunks of a RIFF or AIFF file; the content of each is padded to an even length."""
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], order)
        yield Chunk(data[start : start + 4], start + 8, size)
        start += 8 + size + size % 2


def _audio_chunk(chunks: Iterator[Chunk]) -> Chunk | None:
    return next((chunk for chunk in chunks if chunk.name in (b"data", b"SSND", WAVE64_DATA)), None)


def _riff(data: bytes) -> int | None:
    chunk = _audio_chunk(_chunks(data, 12, "little"))
    return chunk.start + chunk.size if chunk and chunk.size not in UNKNOWN_SIZES else None


def _rf64(data: bytes) -> int | None:
    chunks = {chunk.name: chunk for chunk in _chunks(data, 12, "little")}
    if b"ds64" not in chunks or b"data" not in chunks:
        return None
    sizes = chunks[b"ds64"].start
    return chunks[b"data"].start + int.from_bytes(data[sizes + 8 : sizes + 16], "little")


def _aiff(data: bytes) -> int | None:
    chunk = _audio_chunk(_chunks(data, 12, "big"))
    return chunk.start + chunk.size if chunk else None


def _wave64(data: bytes) -> int | None:
    start = 40
    while start + 24 <= len(data):
        size = int.from_bytes(data[start + 16 : start + 24], "little")
        if data[start : start + 16] == WAVE64_DATA:
            return start + size
        start += max(24, size + -size % 8)
    return None


def _au(data: bytes) -> int | None:
    start, size = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    return start + size if size not in UNKNOWN_SIZES else None


def _caf(data: bytes) -> int | None:
    start = 8
    while start + 12 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 12], "big", signed=True)
        if data[start : start + 4] == b"data":
            return start + 12 + size if size >= 0 else None
        start += 12 + max(size, 0)
    return None


def _sphere(data: bytes) -> int | None:
    head = data[: int(data[8:16])] if data[8:16].strip().isdigit() else b""
    fields = {name: int(value) for name, value in re.findall(rb"^(\w+) -i (\d+)", head, re.MULTILINE)}
    try:
        return len(head) + fields[b"sample_count"] * fields[b"channel_count"] * fields[b"sample_n_bytes"]
    except KeyError:
        return None


ENDS = {
    b"RIFF": _riff,
    b"RF64": _rf64,
    b"FORM": _aiff,
    WAVE64: _wave64,
    b".snd": _au,
    b"caff": _caf,
    b"NIST_1A": _sphere,
}
