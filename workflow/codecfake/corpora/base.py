"""The corpus contract: recordings, their samples and their metadata."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from codecfake.audio import io as audio


@dataclass(frozen=True)
class Recording:
    """An utterance as listed by a corpus. `source` locates its samples within the corpus."""

    utterance_id: str
    speaker_id: str
    source: str


@dataclass(frozen=True)
class Utterance(Recording):
    """A recording that has been read: sample rate in Hz, length in samples, transcript ("" if unknown)."""

    sample_rate: int
    num_samples: int
    text: str = ""


class LeftOut(NamedTuple):
    """An utterance of the corpus that a run leaves out, and the reason."""

    utterance_id: str
    speaker_id: str
    reason: str


class Speaker(NamedTuple):
    """A corpus's metadata of a speaker; "" where unknown."""

    age: str = ""
    gender: str = ""
    accent: str = ""
    region: str = ""
    comment: str = ""


class Corpus(ABC):
    """Lists and reads recordings. Both are thread-safe."""

    @abstractmethod
    def recordings(self) -> list[Recording]:
        """Return every recording, sorted by id. Read only as much audio as the listing needs."""

    @abstractmethod
    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        """Return a recording's samples (mono float32 [num_samples]) and sample rate in Hz.

        Raises:
            AudioError: the recording is corrupt; the message names it.
        """

    def fetch(self, recordings: Iterable[Recording]) -> None:  # noqa: B027
        """Make recordings readable without a network, if opening the corpus has not done so."""

    def text(self, recording: Recording) -> str:
        """Return a recording's transcript as the corpus writes it; "" if there is none."""
        return ""

    def speakers(self) -> dict[str, Speaker]:
        """Return the metadata of speakers, by id."""
        return {}

    def gaps(self) -> list[LeftOut]:
        """Return the utterances that belong to the corpus but have no recording of the requested kind."""
        return []


class FileCorpus(Corpus):
    """A corpus in which `source` is the path of an audio file below `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        return audio.read(self.root / recording.source, recording.source)
