"""What is evaluated on besides codecs: the user's own sets, and eval speech under conditions."""

from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.data.shards import shard_row
from codecfake.util.constants import LABELS
from codecfake.util.errors import DataError


def set_rows(name: str, folder: Path) -> Iterator[dict]:
    """The rows of the shard of a set: a folder with `bonafide/` and `spoof/`.

    An utterance's id is its path below the folder; its speaker is the folder it lies in, or, right below `bonafide/`
    or `spoof/`, itself: nothing is known of who speaks.

    Raises:
        DataError: a class has no audio file.
        AudioError: a file cannot be used.
    """
    for label in LABELS:
        files = sorted(path for path in (folder / label).rglob("[!.]*") if path.suffix.lower() in audio.SUFFIXES)
        if not files:
            raise DataError(
                f"evaluation set {name!r}: no audio in {folder / label}; expected bonafide/ and spoof/ with files "
                f"{', '.join(audio.SUFFIXES)}, in folders by speaker or without"
            )
        for path in tqdm(files, desc=label, unit="file", mininterval=5):
            below = path.relative_to(folder / label)
            speaker = below.parts[0] if len(below.parts) > 1 else f"{label}/{below}"
            samples, sample_rate = audio.read(path)
            yield shard_row(
                samples,
                sample_rate,
                label=label,
                speaker_id=speaker,
                utterance_id=path.relative_to(folder).as_posix(),
                codec_name=name,
            )
