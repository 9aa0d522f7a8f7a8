"""The corpus contract: recordings, their samples, and what is known of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from codecfake.audio import io as audio


@dataclass(frozen=True)
class Recording:
    """One utterance as a corpus lists it. `source` says where the corpus finds its samples."""

    utterance_id: str
    speaker_id: str
    source: str


@dataclass(frozen=True)
class Utterance(Recording):
    """A recording that was read: its rate in Hz, its length in samples, what is said in it ("" if not known)."""

    sample_rate: int
    num_samples: int
    text: str = ""


class LeftOut(NamedTuple):
    """An utterance of the corpus that a run has to do without, and why."""

    utterance_id: str
    speaker_id: str
    reason: str


class Speaker(NamedTuple):
    """What a corpus says of a speaker; "" where it says nothing."""

    age: str = ""
    gender: str = ""
    accent: str = ""
    region: str = ""
    comment: str = ""


class Corpus(ABC):
    """Lists recordings and reads them. Both are safe to call from several threads."""

    @abstractmethod
    def recordings(self) -> list[Recording]:
        """Every recording, sorted by id. Reads no more audio than it takes to know which there are."""

    @abstractmethod
    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        """Its samples (mono float32 [num_samples]) and their rate in Hz.

        Raises:
            AudioError: it is corrupt; the message names it.
        """

    def fetch(self, recordings: Iterable[Recording]) -> None:  # noqa: B027
        """Make recordings readable without a network, where opening the corpus did not."""

    def text(self, recording: Recording) -> str:
        """What is said in it, as the corpus writes it; "" where it says nothing."""
        return ""

    def speakers(self) -> dict[str, Speaker]:
        """What is known of speakers, by id."""
        return {}

    def gaps(self) -> list[LeftOut]:
        """Utterances that the corpus is known by, but does not have as asked for."""
        return []


class FileCorpus(Corpus):
    """A corpus whose `source` is the path of one audio file below `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        return audio.read(self.root / recording.source, recording.source)
