"""Evaluation sets: folders with a user's own bona fide and spoof speech."""

from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.audio.folders import listing, require_usable, say_left_out
from codecfake.data.shards import shard_row
from codecfake.util.constants import LABELS
from codecfake.util.errors import DataError


def set_rows(name: str, folder: Path) -> Iterator[dict]:
    """Yield the shard rows of a set: a folder with `bonafide/` and `spoof/`.

    An utterance's id is its path below the folder. Its speaker is the subfolder of `bonafide/` or `spoof/`; a file that
    is in no subfolder counts as a speaker of its own, since its speaker is unknown.

    Raises:
        DataError: a class has no audio file.
        AudioError: a file is unusable.
    """
    for label in LABELS:
        below = listing(folder / label)
        require_usable(below)
        say_left_out(folder / label, below.others)
        if not below.audio:
            raise DataError(
                f"evaluation set {name!r}: no audio in {folder / label}; expected bonafide/ and spoof/ with files "
                f"{', '.join(audio.SUFFIXES)}, directly or in one folder per speaker"
            )
        for path in tqdm(below.audio, desc=label, unit="file", mininterval=5):
            parts = path.relative_to(folder / label).parts
            speaker = parts[0] if len(parts) > 1 else f"{label}/{path.name}"
            samples, sample_rate = audio.read(path)
            yield shard_row(
                samples,
                sample_rate,
                label=label,
                speaker_id=speaker,
                utterance_id=path.relative_to(folder).as_posix(),
                codec_name=name,
            )
