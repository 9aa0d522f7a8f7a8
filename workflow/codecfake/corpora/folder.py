"""A user's own recordings: a directory with a folder of audio files per speaker."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from codecfake.audio.folders import listing, require_usable, say_left_out
from codecfake.audio.io import SUFFIXES
from codecfake.corpora.base import FileCorpus, Recording
from codecfake.corpora.options import CorpusOptions
from codecfake.fetch.download import Places
from codecfake.util.choices import nfc
from codecfake.util.errors import DataError


class Options(CorpusOptions):
    """The config's `corpus` section."""

    name: Literal["folder"] = Field(description="name of the corpus")
    path: str = Field(description="directory of SPEAKER/*.wav, .flac, .ogg, .mp3 and other audio")


class FolderCorpus(FileCorpus):
    """Audio files in one folder per speaker; the utterance id is `SPEAKER_STEM`."""

    def recordings(self) -> list[Recording]:
        below = listing(self.root)
        require_usable(below)
        paths = [path for path in below.audio if path.parent.parent == self.root]
        say_left_out(self.root, sorted({*below.audio, *below.others}.difference(paths)))
        if not paths:
            raise DataError(f"{self.root}: no audio found; expected SPEAKER/NAME{{{','.join(SUFFIXES)}}}")
        found: dict[str, Recording] = {}
        for path in paths:
            speaker, utterance_id = nfc(path.parent.name), nfc(f"{path.parent.name}_{path.stem}")
            if utterance_id in found:
                raise DataError(
                    f"{path}: utterance id {utterance_id!r} is also that of "
                    f"{self.root / found[utterance_id].source}; ids must differ"
                )
            found[utterance_id] = Recording(utterance_id, speaker, str(path.relative_to(self.root)))
        return [found[utterance_id] for utterance_id in sorted(found)]


def files(config: dict, places: Places) -> list[str]:
    """Return no files: the recordings are the user's own."""
    return []


def open_corpus(config: dict, downloads: dict, places: Places) -> FolderCorpus:
    """Open the directory `config["path"]`.

    Raises:
        DataError: it is not a directory.
    """
    root = Path(config["path"]).expanduser()
    if not root.is_dir():
        raise DataError(f"corpus.path: {root} is not a directory")
    return FolderCorpus(root)
