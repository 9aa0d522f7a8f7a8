"""What is evaluated on besides codecs: the user's own sets, and eval speech under conditions."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake import audio, conditions, store
from codecfake.errors import DataError
from codecfake.names import LABELS
from codecfake.threads import spread
from codecfake.waveforms import SAMPLE_RATE, Waveforms, trial_names


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
            yield store.row(
                samples,
                sample_rate,
                label=label,
                speaker_id=speaker,
                utterance_id=path.relative_to(folder).as_posix(),
                codec_name=name,
            )


def set_protocol(shard: Path) -> pd.DataFrame:
    """The trials of a set's shard, all of them eval, as `manifest.Protocol`."""
    described = pd.DataFrame(store.Shard(shard).describe())
    trials = described[["speaker_id", "utterance_id", "codec_name", "label"]].rename(columns={"codec_name": "codec"})
    return trials.assign(split="eval", shard=0, row=range(len(trials)))


def condition_protocol(name: str, trials: pd.DataFrame) -> pd.DataFrame:
    """Eval trials under a condition, as `manifest.Protocol`: their codec is CODEC@CONDITION."""
    chosen = trials[trials["split"] == "eval"].reset_index(drop=True)
    return chosen.assign(codec=chosen["codec"] + "@" + name)


def condition_waveforms(
    name: str, condition: dict, trials: pd.DataFrame, waveforms: Sequence[Path], workers: int
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 [N] at 16 kHz) of every eval trial under a condition, in the order of `condition_protocol`.

    Args:
        condition: an entry of conditions.yaml.
        trials: as they are without it.
        waveforms: files that hold them.
        workers: how many are worked on at a time.
    """
    chosen = trials[trials["split"] == "eval"]
    heard = Waveforms(waveforms, trial_names(chosen).tolist())

    def changed(number: int) -> np.ndarray:
        samples = audio.from_pcm16(heard[number])
        # the same noise for all that was made of an utterance
        return conditions.apply(condition, samples, SAMPLE_RATE, chosen["utterance_id"].iloc[number])

    made = spread(changed, range(len(heard)), workers)
    made = tqdm(made, total=len(heard), desc=name, unit="utt", mininterval=5)
    yield from zip(trial_names(condition_protocol(name, trials)), made, strict=True)
