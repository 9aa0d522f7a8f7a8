"""Released sets of resynthesised speech, CodecFake as published or ours: which clips there are, and their bytes.

Three layouts, told apart by what is found:

- files `CODEC+UTTERANCE.wav` (or .flac) in a folder and the folders below it;
- zip archives of such files (published as CodecFake_wavs, one a codec);
- Parquet files, with the columns of the published CodecFake or those of our shards (`store`).

Listing reads no audio. Bona fide speech is the codec `identity`, whatever the set calls it (`genuine`).
"""

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from codecfake.corpora.released_files import SUFFIXES, Clip, ClipSource, Folder, Parquet, Zip
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError

__all__ = ["Clip", "ReleasedSet", "open_set"]

AUDIO, ZIP, PARQUET = "audio files", "zip archives", "Parquet files"
LAYOUTS = {**dict.fromkeys(SUFFIXES, AUDIO), ".zip": ZIP, ".parquet": PARQUET}


class ReleasedSet:
    """The clips of a set, by codec.

    Raises:
        DataError: two clips are of one codec and utterance.
    """

    def __init__(self, path: Path, clips: Iterable[Clip]):
        self.path = path
        self._clips: dict[str, list[Clip]] = {}
        for clip in clips:
            self._clips.setdefault(clip.codec_name, []).append(clip)
        for codec, found in self._clips.items():
            found.sort(key=attrgetter("utterance_id"))
            for one, other in pairwise(found):
                if one.utterance_id == other.utterance_id:
                    raise DataError(
                        f"{one.name} and {other.name} are both utterance {one.utterance_id!r} of codec {codec!r}"
                    )
        #: Names, bona fide first.
        self.codecs = sorted(self._clips, key=lambda codec: (codec != IDENTITY, codec))

    def clips(self, codec: str) -> list[Clip]:
        """A codec's clips by utterance.

        Raises:
            DataError: the set has no such codec.
        """
        if codec not in self._clips:
            raise DataError(f"{self.path}: no codec {codec!r}; it has {', '.join(self.codecs)}")
        return self._clips[codec]


def open_set(path: Path) -> ReleasedSet:
    """List a set: a folder of one of the layouts, a zip archive or a Parquet file.

    Raises:
        DataError: there is no such file or folder, no audio in it, or more than one layout; an archive is damaged; a
            clip does not tell its codec, utterance or label.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    root, names = (path, _visible(path)) if path.is_dir() else (path.parent, [path.name])
    files: dict[str, list[str]] = {}
    for name in names:
        if layout := LAYOUTS.get(Path(name).suffix.lower()):
            files.setdefault(layout, []).append(name)
    if len(files) > 1:
        firsts = ", ".join(f"{layout} ({root / names[0]})" for layout, names in files.items())
        raise DataError(f"{path}: {firsts}; a released set is of one kind")
    released = ReleasedSet(path, (clip for source in _sources(root, files) for clip in source.clips()))
    if not released.codecs:
        raise DataError(f"{path}: no audio found; looked for CODEC+UTTERANCE.wav or .flac, .zip, .parquet")
    return released


def _sources(root: Path, files: dict[str, list[str]]) -> Iterator[ClipSource]:
    """What holds the clips of a layout's files."""
    yield from (Zip(root / name) for name in files.get(ZIP, ()))
    yield from (Parquet(root / name) for name in files.get(PARQUET, ()))
    yield Folder(root, files.get(AUDIO, []))


def _visible(root: Path) -> list[str]:
    """Paths of the files below a folder, sorted, without hidden files and folders."""
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(folder).relative_to(root)
        paths += [(below / name).as_posix() for name in names if not name.startswith(".")]
    return sorted(paths)
