"""Any directory of `SPEAKER/*.{wav,flac,ogg,mp3}`: a user's own data."""

from pathlib import Path

import soundfile

from codecfake.corpora.base import FileCorpus, Utterance
from codecfake.errors import AudioError, DataError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


class FolderCorpus(FileCorpus):
    """The speaker is the name of the folder a file lies in; the id is `SPEAKER_STEM`."""

    def utterances(self) -> list[Utterance]:
        paths = sorted(path for path in self.root.glob("*/*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise DataError(f"{self.root}: no audio found; expected SPEAKER/NAME{{{','.join(SUFFIXES)}}}")
        seen: dict[str, Path] = {}
        found = []
        for path in paths:
            utterance = self._describe(path)
            if utterance.utterance_id in seen:
                raise DataError(
                    f"{path}: utterance id {utterance.utterance_id!r} is also that of "
                    f"{seen[utterance.utterance_id]}; ids must differ"
                )
            seen[utterance.utterance_id] = path
            found.append(utterance)
        return sorted(found, key=lambda utterance: utterance.utterance_id)

    def _describe(self, path: Path) -> Utterance:
        try:
            info = soundfile.info(path)
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: cannot be decoded as audio ({error})") from None
        speaker = path.parent.name
        return Utterance(
            utterance_id=f"{speaker}_{path.stem}",
            speaker_id=speaker,
            sample_rate=info.samplerate,
            num_samples=info.frames,
            source=str(path.relative_to(self.root)),
        )


def open_corpus(config: dict, downloads: dict, cache: Path, mirror: str | None) -> FolderCorpus:
    """`config["path"]` is the directory.

    Raises:
        DataError: it is no directory.
    """
    root = Path(config["path"]).expanduser()
    if not root.is_dir():
        raise DataError(f"corpus.path: {root} is no directory")
    return FolderCorpus(root)
