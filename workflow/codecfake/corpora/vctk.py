"""VCTK (CSTR, University of Edinburgh; CC-BY-4.0): about 400 sentences by each of 109 speakers of English.

CodecFake was made from version 0.80 (one microphone, WAV, not trimmed). Version 0.92 (two microphones, FLAC, trimmed)
adds speaker s5, the only id that is not p and a number. Known gaps: the texts of p315 are lost (both versions); in
0.92, mic2 has no recordings of p280 and p315 and only some of p362; in 0.80, the speaker table lacks p280, and p376_295
is not a WAV file. Missing recordings and texts are counted; they are not errors.
"""

import re
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from codecfake.audio import io as audio
from codecfake.corpora.base import Corpus, LeftOut, Recording, Speaker
from codecfake.corpora.options import CorpusOptions
from codecfake.fetch import download
from codecfake.fetch.download import Places
from codecfake.fetch.remote_zip import Archive, CorruptMemberError, LocalArchive, NoRangesError, RemoteArchive
from codecfake.util.errors import AudioError, DataError

SPEAKER = r"(?P<speaker>p\d+|s5)"
TEXT = re.compile(rf"(?:.*/)?txt/{SPEAKER}/(?P<id>(?P=speaker)_\d+)\.txt")
#: A line of speaker-info.txt: ID AGE GENDER ACCENTS REGION (COMMENT); in 0.80 an ID has no "p".
SPEAKER_LINE = re.compile(r"(p?\d+|s5)\s+(\d+)\s+([FM])(?:\s+(\S+))?(?:\s+([^()]*))?(?:\((.*)\))?\s*")


class Options(CorpusOptions):
    """The config's `corpus` section."""

    name: Literal["vctk"] = Field(description="name of the corpus")
    version: Literal["0.80", "0.92"] = Field(description="release of VCTK; CodecFake was made from 0.80")
    microphone: Literal["mic1", "mic2"] | None = Field(None, description="one of the two microphones of 0.92")

    @model_validator(mode="after")
    def _has_microphones(self) -> Self:
        if self.version == "0.92" and self.microphone is None:
            raise ValueError("'microphone' is missing; corpus vctk 0.92 needs it; allowed: mic1, mic2")
        if self.version == "0.80" and self.microphone is not None:
            raise ValueError("'microphone': corpus vctk 0.80 has only one; leave it out")
        return self


class Release(NamedTuple):
    """A version's archive (a key of downloads.yaml) and the name pattern of its recordings."""

    archive: str
    recording: re.Pattern


RELEASES = {
    "0.80": Release("vctk/VCTK-Corpus.zip", re.compile(rf"(?:.*/)?wav48/{SPEAKER}/(?P<id>(?P=speaker)_\d+)\.wav")),
    "0.92": Release(
        "vctk/VCTK-Corpus-0.92.zip",
        re.compile(rf"(?:.*/)?wav48_silence_trimmed/{SPEAKER}/(?P<id>(?P=speaker)_\d+)_(?P<microphone>mic\d)\.flac"),
    ),
}


class VctkCorpus(Corpus):
    """One version of VCTK in a zip archive.

    Args:
        microphone: `mic1` or `mic2` of version 0.92; None for 0.80.
    """

    def __init__(self, archive: Archive, version: str, microphone: str | None):
        self.archive, self.microphone = archive, microphone
        self._texts = {match["id"]: match[0] for match in self._matches(TEXT)}
        self._recordings: dict[str, Recording] = {}
        self._recorded: set[str] = set()
        for match in self._matches(RELEASES[version].recording):
            self._recorded.add(match["id"])
            if match.groupdict().get("microphone") == microphone:
                self._recordings[match["id"]] = Recording(match["id"], match["speaker"], match[0])
        if not self._recordings:
            raise DataError(f"{version}: the archive has no recording of VCTK {version}; found {archive.names[:3]}")

    def _matches(self, pattern: re.Pattern) -> Iterable[re.Match]:
        return filter(None, map(pattern.fullmatch, self.archive.names))

    def recordings(self) -> list[Recording]:
        return [self._recordings[utterance_id] for utterance_id in sorted(self._recordings)]

    def read(self, recording: Recording) -> tuple[np.ndarray, int]:
        try:
            return audio.decode(self.archive.read(recording.source), recording.source)
        except CorruptMemberError as error:
            raise AudioError(str(error)) from None

    def fetch(self, recordings: Iterable[Recording]) -> None:
        recordings = list(recordings)
        texts = [self._texts[r.utterance_id] for r in recordings if r.utterance_id in self._texts]
        self.archive.fetch([r.source for r in recordings] + texts)

    def text(self, recording: Recording) -> str:
        name = self._texts.get(recording.utterance_id)
        try:
            return self.archive.read(name).decode("utf-8", errors="replace") if name else ""
        except CorruptMemberError as error:
            print(f"{error}; {recording.utterance_id} gets an empty text", file=sys.stderr)
            return ""

    def speakers(self) -> dict[str, Speaker]:
        there = {name.rpartition("_")[0] for name in self._recorded}
        return {speaker: self._table.get(speaker, Speaker()) for speaker in sorted(there)}

    @cached_property
    def _table(self) -> dict[str, Speaker]:
        """Read speaker-info.txt: the metadata of each speaker."""
        found = {}
        for name in (name for name in self.archive.names if name.rpartition("/")[2] == "speaker-info.txt"):
            for line in self.archive.read(name).decode("utf-8", errors="replace").splitlines():
                if match := SPEAKER_LINE.fullmatch(line):
                    number, *facts = (" ".join((fact or "").split()) for fact in match.groups())
                    found[f"p{number}" if number.isdigit() else number] = Speaker(*facts)
        return found

    def gaps(self) -> list[LeftOut]:
        other = f"{self.microphone} has no recording"
        return [
            LeftOut(
                name, name.rpartition("_")[0], other if name in self._recorded else "it has a text but no recording"
            )
            for name in sorted((self._recorded | self._texts.keys()) - self._recordings.keys())
        ]


def files(config: dict, places: Places) -> list[str]:
    """Return the archive's key; nothing if the config selects a part, whose members are fetched one by one."""
    key = RELEASES[config["version"]].archive
    return [] if _wants_part(config) and _parts(key, places).is_dir() else [key]


def _wants_part(config: dict) -> bool:
    return "speakers" in config or "utterances_per_speaker" in config


def _parts(key: str, places: Places) -> Path:
    """Return the folder of the archive members that are fetched one by one."""
    return places.kept(f"{key}.members")


def open_corpus(config: dict, downloads: dict, places: Places) -> VctkCorpus:
    """Open the local archive; without one, fetch the members that the config selects, or the complete archive."""
    key = RELEASES[config["version"]].archive
    return VctkCorpus(_open_archive(key, downloads[key], places, config), config["version"], config.get("microphone"))


def _open_archive(key: str, entry: dict, places: Places, config: dict) -> Archive:
    urls, parts = places.addresses(key, entry), _parts(key, places)
    if _wants_part(config) and places.local(key) is None and (urls or parts.is_dir()):
        try:
            otherwise = f"Place {download.placing(key, entry, places)}"
            return RemoteArchive(urls, parts, entry.get("bytes"), otherwise)
        except NoRangesError:
            print(f"{key}: the server does not support range requests; the complete file is fetched", file=sys.stderr)
    return LocalArchive(download.fetch(key, entry, places))
