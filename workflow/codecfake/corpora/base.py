"""The corpus contract, the split by speaker, and the subset a config asks for."""

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codecfake import audio
from codecfake.errors import DataError
from codecfake.names import SPLITS


@dataclass(frozen=True)
class Utterance:
    """One recording of one speaker. `source` says where the corpus finds its samples."""

    utterance_id: str
    speaker_id: str
    sample_rate: int
    num_samples: int
    source: str

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate


class Corpus(ABC):
    """Yields utterances and their samples."""

    @abstractmethod
    def utterances(self) -> list[Utterance]:
        """Every utterance, sorted by id.

        Raises:
            AudioError: a recording cannot be read.
        """

    @abstractmethod
    def read(self, utterance: Utterance) -> np.ndarray:
        """Its samples: mono float32 [num_samples] at its own rate."""


class FileCorpus(Corpus):
    """A corpus whose `source` is the path of one audio file below `root`."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def read(self, utterance: Utterance) -> np.ndarray:
        samples, _ = audio.read(self.root / utterance.source)
        return samples


def split_of_speakers(speakers: Iterable[str], splits: dict[str, list[str]]) -> dict[str, str]:
    """Which split each speaker is in. A split left out takes all speakers no other split names.

    Raises:
        DataError: a speaker is in two splits, in none, or unknown; or a split has no speaker.
    """
    speakers = sorted(set(speakers))
    split_of: dict[str, str] = {}
    for split in SPLITS:
        for speaker in splits.get(split, []):
            if speaker in split_of:
                raise DataError(
                    f"splits: speaker {speaker!r} is in both {split_of[speaker]!r} and {split!r}; "
                    "a speaker may be in one split only"
                )
            if speaker not in speakers:
                raise DataError(f"splits.{split}: unknown speaker {speaker!r}; allowed: {', '.join(speakers)}")
            split_of[speaker] = split
    rest = [split for split in SPLITS if split not in splits]
    unnamed = [speaker for speaker in speakers if speaker not in split_of]
    if unnamed and len(rest) != 1:
        raise DataError(
            f"splits: speaker {unnamed[0]!r} is in no split; name it, or leave out exactly one of "
            f"{', '.join(SPLITS)} to take all the others"
        )
    split_of |= dict.fromkeys(unnamed, rest[0] if rest else "")
    for split in SPLITS:
        if split not in split_of.values():
            raise DataError(f"splits: {split!r} has no speaker; each of {', '.join(SPLITS)} needs one")
    return split_of


def stable_number(text: str) -> int:
    """A number that depends on the text alone: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def subset(utterances: list[Utterance], per_speaker: dict[str, int], split_of: dict[str, str]) -> list[Utterance]:
    """At most `per_speaker[split]` utterances of each speaker (all, where it names no number).

    The choice is by a hash of the id, so it neither follows the alphabet nor changes with the order.
    """
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        by_speaker[utterance.speaker_id].append(utterance)
    chosen = []
    for speaker, members in by_speaker.items():
        members.sort(key=lambda utterance: stable_number(utterance.utterance_id))
        chosen += members[: per_speaker.get(split_of[speaker])]
    return sorted(chosen, key=lambda utterance: utterance.utterance_id)
