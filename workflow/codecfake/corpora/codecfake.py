"""The bona fide utterances of a released set (zips, Parquet or audio files): CodecFake, or a set of this project."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from codecfake.audio import io as audio
from codecfake.corpora.base import Corpus, Recording
from codecfake.corpora.options import CorpusOptions
from codecfake.corpora.released import ReleasedSet, open_set
from codecfake.fetch.download import Places
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError


class Options(CorpusOptions):
    """The config's `corpus` section."""

    name: Literal["codecfake"] = Field(description="name of the corpus")
    path: str = Field(description="a released set: a folder of CODEC+UTTERANCE.wav files, zips or Parquet files")
    speaker_pattern: str | None = Field(
        None,
        description="regular expression that begins every utterance's name; its first group is the speaker; without it "
        "the part before the last `_`",
    )


class CodecFakeCorpus(Corpus):
    """The bona fide clips of a released set.

    Raises:
        DataError: the set has no bona fide utterance.
    """

    def __init__(self, released: ReleasedSet):
        if IDENTITY not in released.codecs:
            raise DataError(f"{released.path}: no bona fide utterances; codecs found: {', '.join(released.codecs)}")
        self._folder = f"{released.path.parent}/"
        self._clips = {clip.utterance_id: clip for clip in released.clips(IDENTITY)}

    def recordings(self) -> list[Recording]:
        return [
            Recording(clip.utterance_id, clip.speaker_id, clip.name.removeprefix(self._folder))
            for clip in self._clips.values()
        ]

    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        return audio.decode(self._clips[recording.utterance_id].read(), recording.source)


def files(config: dict, places: Places) -> list[str]:
    """Return no files: the set is the user's own copy."""
    return []


def open_corpus(config: dict, downloads: dict, places: Places) -> CodecFakeCorpus:
    """Open the set `config["path"]`: a folder, a zip archive or a Parquet file."""
    return CodecFakeCorpus(open_set(Path(config["path"]).expanduser(), config.get("speaker_pattern")))
