"""Released sets of resynthesised speech, CodecFake as published or a set of this project: their clips.

The layout is one of three, recognised by file suffix:

- files `CODEC+UTTERANCE.wav` (or .flac, .mp3, …) in a folder and its subfolders;
- zip archives of these files (published as CodecFake_wavs, one per codec);
- Parquet files, with the columns of the published CodecFake or of this project's shards (`data.shards`).

Listing reads no audio. Bona fide speech is listed as codec `identity`, also if the set names it `genuine`.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from codecfake.audio.folders import listing, require_usable, say_left_out
from codecfake.audio.io import WITH_HEADER
from codecfake.corpora.released_files import Clip, ClipSource, Folder, Parquet, Zip
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import ConfigError, DataError

__all__ = ["Clip", "ReleasedSet", "open_set"]

#: Number of utterances from which, and share of utterances above which, so many speakers are suspicious.
LEAST_CLIPS, MANY_SPEAKERS = 10, 0.8
AUDIO, ZIP, PARQUET = "audio files", "zip archives", "Parquet files"
LAYOUTS = {**dict.fromkeys(WITH_HEADER, AUDIO), ".zip": ZIP, ".parquet": PARQUET}


class ReleasedSet:
    """The clips of a set, by codec.

    Raises:
        DataError: two clips have the same codec and utterance.
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
        #: Codec names, bona fide first.
        self.codecs = sorted(self._clips, key=lambda codec: (codec != IDENTITY, codec))

    def clips(self, codec: str) -> list[Clip]:
        """Return a codec's clips, sorted by utterance.

        Raises:
            DataError: the codec is not in the set.
        """
        if codec not in self._clips:
            raise DataError(f"{self.path}: no codec {codec!r}; it has {', '.join(self.codecs)}")
        return self._clips[codec]


def open_set(path: Path, speaker_pattern: str | None = None) -> ReleasedSet:
    """List a set: a folder in one of the layouts, a zip archive or a Parquet file.

    Args:
        speaker_pattern: regular expression that begins every utterance's name; its first group, or all that it
            matches, is the speaker.

    Raises:
        DataError: the path does not exist, contains no audio or mixes layouts; an archive is damaged; a clip's codec,
            utterance or label is missing or invalid; or the pattern does not match an utterance.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    root, names = (path, _below(path)) if path.is_dir() else (path.parent, [path.name])
    files: dict[str, list[str]] = {}
    for name in names:
        if layout := LAYOUTS.get(Path(name).suffix.lower()):
            files.setdefault(layout, []).append(name)
    if len(files) > 1:
        firsts = ", ".join(f"{layout} ({root / names[0]})" for layout, names in files.items())
        raise DataError(f"{path}: {firsts}; a released set is of one kind")
    clips = (clip for source in _sources(root, files) for clip in source.clips())
    if speaker_pattern:
        pattern = _compiled(speaker_pattern)
        clips = (_spoken_by(clip, pattern) for clip in clips)
    released = ReleasedSet(path, clips)
    if not released.codecs:
        raise DataError(f"{path}: no audio found; looked for CODEC+UTTERANCE.wav (.flac, .mp3, …), .zip, .parquet")
    _warn_of_many_speakers(released)
    return released


def _compiled(pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"speaker_pattern {pattern!r}: not a regular expression ({error})") from None


def _spoken_by(clip: Clip, pattern: re.Pattern) -> Clip:
    """Return a clip with the speaker that the pattern finds in the utterance's name."""
    if not (match := pattern.match(clip.utterance_id)):
        raise DataError(
            f"{clip.name}: utterance {clip.utterance_id!r} does not match speaker_pattern {pattern.pattern!r}"
        )
    return clip._replace(speaker_id=sys.intern(match[1] if pattern.groups else match[0]))


def _warn_of_many_speakers(released: ReleasedSet) -> None:
    clips = released.clips(released.codecs[0])
    speakers = {clip.speaker_id for clip in clips}
    if len(clips) >= LEAST_CLIPS and len(speakers) > MANY_SPEAKERS * len(clips):
        print(
            f"{released.path}: {len(speakers)} speakers of {len(clips)} utterances, such as {min(speakers)!r}; "
            "if these are no speakers, give speaker_pattern",
            file=sys.stderr,
        )


def _sources(root: Path, files: dict[str, list[str]]) -> Iterator[ClipSource]:
    """Yield the containers of a set's clips."""
    yield from (Zip(root / name) for name in files.get(ZIP, ()))
    yield from (Parquet(root / name) for name in files.get(PARQUET, ()))
    yield Folder(root, files.get(AUDIO, []))


def _below(root: Path) -> list[str]:
    """Return the sorted paths of the clips and archives below a folder; say how many other files it has."""
    below = listing(root, LAYOUTS)
    require_usable(below)
    say_left_out(root, below.others)
    return sorted(path.relative_to(root).as_posix() for path in below.audio)
