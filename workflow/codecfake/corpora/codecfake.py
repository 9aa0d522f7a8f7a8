"""The bona fide utterances of a released set: CodecFake as published, in zips, Parquet or files, or a set of ours."""

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
    """The config's section."""

    name: Literal["codecfake"] = Field(description="the corpus")
    path: str = Field(description="a released set: a folder of CODEC+UTTERANCE.wav, of zips or of Parquet files")


class CodecFakeCorpus(Corpus):
    """Speakers and utterances as `released` tells them.

    Raises:
        DataError: the set has no bona fide utterance.
    """

    def __init__(self, released: ReleasedSet):
        if IDENTITY not in released.codecs:
            raise DataError(f"{released.path}: no genuine utterances in it; it has {', '.join(released.codecs)}")
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
    """None: the set is the user's own copy."""
    return []


def open_corpus(config: dict, downloads: dict, places: Places) -> CodecFakeCorpus:
    """`config["path"]` is the set: a folder, a zip archive or a Parquet file."""
    return CodecFakeCorpus(open_set(Path(config["path"]).expanduser()))
