"""Containers of a released set's clips: a folder of audio files, a zip archive of them, or a Parquet file."""

import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from codecfake.audio.io import WITH_HEADER
from codecfake.data.parquet import DAMAGE, ParquetRows
from codecfake.fetch.remote_zip import CorruptMemberError, LocalArchive
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError, DataError

#: End of the utterances of a corpus with several microphones.
MICROPHONE = re.compile(r"_mic\d+$")
#: Names of bona fide speech in place of a codec's name.
GENUINE = ("genuine", IDENTITY)
#: Labels of published sets and of this project's shards, and the labels they stand for.
LABEL_OF = {"genuine": "bonafide", "bonafide": "bonafide", "spoofing": "spoof", "spoof": "spoof"}
#: Required columns of a Parquet file (of `audio`, its fields); this project's shards also have `utterance_id`.
COLUMNS = ("audio.bytes", "audio.path", "label", "speaker_id", "codec_name")
#: Maximum number of archive directories in memory (25 MB each in the published set).
OPEN_ARCHIVES = 4
#: Maximum number of row groups with audio in memory (14 MB each in the published set): two, for threads that read in
#: order.
OPEN_GROUPS = 2
#: Held while a container is opened, so that concurrent threads open it once.
_OPENING = Lock()


class Clip(NamedTuple):
    """A recording of a set, and its place in the source: a path or a row."""

    codec_name: str
    utterance_id: str
    speaker_id: str
    label: str
    source: "ClipSource"
    place: str | int

    @property
    def name(self) -> str:
        """Return the clip's name for error messages."""
        return self.source.name(self.place)

    @property
    def position(self) -> tuple[str, str | int]:
        """Return a sort key for the stored order, in which many clips are read fastest.

        A Parquet file is read in row groups of about a hundred clips, which need not be sorted by utterance.
        """
        return str(self.source.path), self.place

    def read(self) -> bytes:
        """Return the bytes of the audio file. Thread-safe.

        Raises:
            AudioError: the container is damaged.
        """
        return self.source.read(self.place)


class ClipSource(ABC):
    """A file or folder that contains clips."""

    def __init__(self, path: Path):
        self.path = path

    @abstractmethod
    def clips(self) -> Iterator[Clip]:
        """Yield every clip, in stored order.

        Raises:
            DataError: a clip's codec, utterance or label is missing or invalid.
        """

    @abstractmethod
    def read(self, place: Any) -> bytes:
        """Return the bytes of the clip at `place`. See `Clip.read`."""

    @abstractmethod
    def name(self, place: Any) -> str:
        """Return the name of the clip at `place`. See `Clip.name`."""

    def _clip(self, place: str | int, codec: str, utterance: str, speaker: str, label: str) -> Clip:
        """Build a clip. Its strings are interned, since a set has 700,000 clips."""
        texts = (IDENTITY if label == "bonafide" else codec, utterance, speaker, label)
        return Clip(*map(sys.intern, texts), self, place)

    def _named(self, place: str) -> Clip:
        """Build the clip that a file name describes."""
        codec, utterance, speaker = _parse(place, self.name(place))
        return self._clip(place, codec, utterance, speaker, "bonafide" if codec in GENUINE else "spoof")


def is_audio(name: str) -> bool:
    """Return whether the file of this name or path is a clip; hidden files are not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in WITH_HEADER and not path.name.startswith(".")


def _parse(path: str, name: str) -> tuple[str, str, str]:
    """Return codec, utterance and speaker of a file `CODEC+UTTERANCE.wav`; `name` is the file's name in errors.

    The speaker is the part of the utterance before the last `_` (`pXXX_NNN`, or `pXXX_NNN_micN` as in VCTK 0.92);
    without a `_`, the folder of the file, unless it is named after the codec; otherwise the utterance itself.

    Raises:
        DataError: the file name lacks a codec or an utterance.
    """
    pure = PurePosixPath(path)
    codec, _, utterance = pure.stem.partition("+")
    if not codec or not utterance:
        raise DataError(f"{name}: file name {pure.name!r} has no codec and utterance; expected CODEC+UTTERANCE.wav")
    folder = pure.parent.name if pure.parent.name != codec else ""
    return codec, utterance, MICROPHONE.sub("", utterance).rpartition("_")[0] or folder or utterance


class Folder(ClipSource):
    """A folder of audio files.

    Args:
        files: paths of the files, relative to the folder.
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
    """A Parquet file of the published set, or a shard of this project.

    Raises:
        DataError: it is not a Parquet file, or lacks a column.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        self.rows = ParquetRows(path)
        if missing := [name for name in COLUMNS if name not in self.rows.columns]:
            raise DataError(f"{path}: no column {', '.join(missing)}; a released set has {', '.join(COLUMNS)}")

    def clips(self) -> Iterator[Clip]:
        names = [name for name in ("codec_name", "utterance_id", "speaker_id", "label") if name in self.rows.columns]
        try:
            table = self.rows.read([*names, "audio.path"])
        except DAMAGE as error:
            raise DataError(f"{self.path}: damaged ({error})") from None
        columns = {name: self._texts(name, table[name]) for name in names}
        columns["path"] = pc.struct_field(table["audio"], "path").to_pylist()
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            yield self._described(row, dict(zip(columns, values, strict=True)))

    def _texts(self, name: str, column: pa.ChunkedArray) -> list:
        """Return the values of a column; the class numbers of a `ClassLabel` become class names."""
        described = json.loads((self.rows.schema.metadata or {}).get(b"huggingface", b"{}"))
        feature = described.get("info", {}).get("features", {}).get(name, {})
        classes = dict(enumerate(feature.get("names", ())))
        return [classes.get(value, value) for value in column.to_pylist()]

    def _described(self, row: int, values: dict[str, Any]) -> Clip:
        """Build a row's clip; if utterance or speaker are missing, they are taken from its file name."""
        codec, label = values["codec_name"] or "", LABEL_OF.get(values["label"])
        if label is None:
            raise DataError(f"{self.name(row)}: label {values['label']!r}; allowed: {', '.join(LABEL_OF)}")
        if label == "spoof" and codec in ("", *GENUINE):
            raise DataError(f"{self.name(row)}: {values['label']!r} of codec {codec!r}; a spoof must name its codec")
        utterance, speaker = values.get("utterance_id"), values["speaker_id"]
        if not (utterance and speaker):
            _, named, its_speaker = _parse(values["path"] or "", self.name(row))
            utterance, speaker = utterance or named, speaker or its_speaker
        return self._clip(row, codec, utterance, speaker, label)

    def read(self, place: int) -> bytes:
        group, row = self.rows.place(place)
        try:
            with _OPENING:
                content = _audio(self, group)[row].as_py()["bytes"]
        except DAMAGE as error:
            raise AudioError(f"{self.name(place)}: damaged ({error})") from None
        if content is None:
            raise AudioError(f"{self.name(place)}: no audio in it; expected the bytes of an audio file")
        return content

    def name(self, place: int) -> str:
        return f"{self.path}: row {place}"


@lru_cache(OPEN_GROUPS)
def _audio(source: Parquet, group: int) -> pa.ChunkedArray:
    return source.rows.group(group, ["audio.bytes"])["audio"]
