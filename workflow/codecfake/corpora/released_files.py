"""What holds the clips of a released set: a folder of audio files, a zip archive of them, a Parquet file."""

import json
import sys
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codecfake.fetch.remote_zip import CorruptMemberError, LocalArchive
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError, DataError

SUFFIXES = (".wav", ".flac")
#: What sets call bona fide speech where they name codecs.
GENUINE = ("genuine", IDENTITY)
#: Labels as published and ours, and what they are here.
LABEL_OF = {"genuine": "bonafide", "bonafide": "bonafide", "spoofing": "spoof", "spoof": "spoof"}
#: Columns that a Parquet file must have, `audio` by its fields; ours have `utterance_id` too.
COLUMNS = ("audio.bytes", "audio.path", "label", "speaker_id", "codec_name")
#: Archives whose directories are in memory at a time (25 MB each in the published set).
OPEN_ARCHIVES = 4
#: Row groups whose audio is in memory at a time (14 MB each in the published set): two for threads that read in order.
OPEN_GROUPS = 2
#: Held while something is opened, so that threads that want the same open it once.
_OPENING = Lock()


class Clip(NamedTuple):
    """A recording of a set, and where it lies: a path in its source, or a row."""

    codec_name: str
    utterance_id: str
    speaker_id: str
    label: str
    source: "ClipSource"
    place: str | int

    @property
    def name(self) -> str:
        """Stands for the clip in errors."""
        return self.source.name(self.place)

    @property
    def position(self) -> tuple[str, str | int]:
        """By this clips are sorted as they lie, the order in which many are read fastest.

        A Parquet file gives a hundred or so at a time, and need not have them by utterance.
        """
        return str(self.source.path), self.place

    def read(self) -> bytes:
        """The bytes of an audio file. Safe to call from several threads.

        Raises:
            AudioError: what holds them is damaged.
        """
        return self.source.read(self.place)


class ClipSource(ABC):
    """A file or folder that holds clips."""

    def __init__(self, path: Path):
        self.path = path

    @abstractmethod
    def clips(self) -> Iterator[Clip]:
        """Every clip, as they lie.

        Raises:
            DataError: one does not tell its codec, utterance or label.
        """

    @abstractmethod
    def read(self, place: Any) -> bytes:
        """See `Clip.read`."""

    @abstractmethod
    def name(self, place: Any) -> str:
        """See `Clip.name`."""

    def _clip(self, place: str | int, codec: str, utterance: str, speaker: str, label: str) -> Clip:
        """A clip; its texts, of which a set has 700,000, are stored once each."""
        texts = (IDENTITY if label == "bonafide" else codec, utterance, speaker, label)
        return Clip(*map(sys.intern, texts), self, place)

    def _named(self, place: str) -> Clip:
        """The clip that a file's name describes."""
        codec, utterance, speaker = _parse(place, self.name(place))
        return self._clip(place, codec, utterance, speaker, "bonafide" if codec in GENUINE else "spoof")


def is_audio(name: str) -> bool:
    """Whether a file of this name or path holds a clip; a hidden one does not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _parse(path: str, name: str) -> tuple[str, str, str]:
    """Codec, utterance and speaker of a file `CODEC+UTTERANCE.wav`; `name` stands for it in errors.

    The speaker is what comes before the last `_` of the utterance (`pXXX_NNN`); without one, the folder that the file
    lies in, unless that is the codec's; else the utterance itself.

    Raises:
        DataError: the name does not tell codec and utterance.
    """
    pure = PurePosixPath(path)
    codec, _, utterance = pure.stem.partition("+")
    if not codec or not utterance:
        raise DataError(f"{name}: file name {pure.name!r} tells no codec and utterance; expected CODEC+UTTERANCE.wav")
    folder = pure.parent.name if pure.parent.name != codec else ""
    return codec, utterance, utterance.rpartition("_")[0] or folder or utterance


class Folder(ClipSource):
    """A folder of audio files.

    Args:
        files: their paths below it.
    """

    def __init__(self, path: Path, files: list[str]):
        super().__init__(path)
        self.files = files

    def clips(self) -> Iterator[Clip]:
        return map(self._named, self.files)

    def read(self, place: str) -> bytes:
        return (self.path / place).read_bytes()

    def name(self, place: str) -> str:
        return str(self.path / place)


class Zip(ClipSource):
    """A zip archive of audio files."""

    def clips(self) -> Iterator[Clip]:
        return map(self._named, filter(is_audio, _archive(self).names))

    def read(self, place: str) -> bytes:
        with _OPENING:
            archive = _archive(self)
        try:
            return archive.read(place)
        except CorruptMemberError as error:
            raise AudioError(str(error)) from None

    def name(self, place: str) -> str:
        return f"{self.path}: member {place}"


@lru_cache(OPEN_ARCHIVES)
def _archive(source: Zip) -> LocalArchive:
    return LocalArchive(source.path)


class Parquet(ClipSource):
    """A Parquet file of the published set, or a shard.

    Raises:
        DataError: it is no Parquet file, or lacks a column.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        with self.opened() as file:
            groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
            self._ends = list(accumulate(group.num_rows for group in groups))
            self._schema = file.schema_arrow
            there = {column.path for column in file.schema} | set(self._schema.names)
        if missing := [name for name in COLUMNS if name not in there]:
            raise DataError(f"{path}: no column {', '.join(missing)}; a released set has {', '.join(COLUMNS)}")

    def opened(self) -> pq.ParquetFile:
        """The file, to be closed."""
        try:
            return pq.ParquetFile(self.path, page_checksum_verification=True)
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.path}: not a readable Parquet file ({error})") from None

    def clips(self) -> Iterator[Clip]:
        names = [name for name in ("codec_name", "utterance_id", "speaker_id", "label") if name in self._schema.names]
        with self.opened() as file:
            try:
                table = file.read(columns=[*names, "audio.path"])
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{self.path}: damaged ({error})") from None
        columns = {name: self._texts(name, table[name]) for name in names}
        columns["path"] = pc.struct_field(table["audio"], "path").to_pylist()
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            yield self._described(row, dict(zip(columns, values, strict=True)))

    def _texts(self, name: str, column: pa.ChunkedArray) -> list:
        """The values of a column; for the numbers of a ClassLabel the classes they stand for."""
        described = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = described.get("info", {}).get("features", {}).get(name, {})
        classes = dict(enumerate(feature.get("names", ())))
        return [classes.get(value, value) for value in column.to_pylist()]

    def _described(self, row: int, values: dict[str, Any]) -> Clip:
        """A row's clip; utterance and speaker, if it does not say them, by the name of its file."""
        codec, label = values["codec_name"] or "", LABEL_OF.get(values["label"])
        if label is None:
            raise DataError(f"{self.name(row)}: label {values['label']!r}; allowed: {', '.join(LABEL_OF)}")
        if label == "spoof" and codec in ("", *GENUINE):
            raise DataError(f"{self.name(row)}: {values['label']!r} of codec {codec!r}; a spoof has another codec")
        utterance, speaker = values.get("utterance_id"), values["speaker_id"]
        if not (utterance and speaker):
            _, named, its_speaker = _parse(values["path"] or "", self.name(row))
            utterance, speaker = utterance or named, speaker or its_speaker
        return self._clip(row, codec, utterance, speaker, label)

    def read(self, place: int) -> bytes:
        number = bisect_right(self._ends, place)
        try:
            with _OPENING:
                group = _row_group(self, number)
        except (OSError, pa.ArrowException) as error:
            raise AudioError(f"{self.name(place)}: damaged ({error})") from None
        content = group[place - self._ends[number] + len(group)].as_py()["bytes"]
        if content is None:
            raise AudioError(f"{self.name(place)}: no audio in it; the bytes of a file expected")
        return content

    def name(self, place: int) -> str:
        return f"{self.path}: row {place}"


@lru_cache(OPEN_GROUPS)
def _row_group(source: Parquet, number: int) -> pa.ChunkedArray:
    with source.opened() as file:
        return file.read_row_group(number, columns=["audio.bytes"])["audio"]
