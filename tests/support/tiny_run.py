"""A tiny run for several test files: bona fide speech, the same speech low-passed as spoof, and their protocols."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import butter, sosfilt

from codecfake.corpora import Utterance
from codecfake.corpora.tables import split_table, utterance_table, utterances_of_shard
from codecfake.data.shards import shard_path, shard_row, write_shard
from codecfake.data.waveforms import shard_waveforms, write_waveforms
from codecfake.trials.protocol import build_protocol
from codecfake.util.constants import IDENTITY, SPLITS

#: The codec of a tiny run: a low-pass filter, which any detector detects.
MUFFLED = "muffled"
#: A detector entry that trains in a second.
ENTRY = {
    "module": "lfcc_lcnn",
    "sample_rate": 16000,
    "crop_samples": 4000,
    "model": {"width": 0.1, "dropout": 0.1, "max_hz": 8000},
    "batch_size": 8,
    "epochs": 3,
    "learning_rate": 0.01,
    "training": {
        "weight_decay": 0.0001,
        "final_share": 0.05,
        "class_weights": "balanced",
        "average": False,
        "clip": 5.0,
        "amp": True,
    },
}


def waveforms_in(folder: Path) -> list[Path]:
    """Return the waveform files of a run made by `make_run`."""
    return sorted((folder / "waveforms").glob("*.arrow"))


def muffle(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Low-pass samples at 1 kHz."""
    return sosfilt(butter(6, 1000, fs=sample_rate, output="sos"), samples).astype(np.float32)


def make_run(
    folder: Path,
    speech: Callable[..., np.ndarray],
    speakers: dict[str, int],
    per_speaker: int = 4,
    sample_rate: int = 16000,
    codecs: tuple[str, ...] = (IDENTITY, MUFFLED),
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Write shards and waveforms of every codec to `folder`; shard 0 is train, 1 dev, 2 eval.

    Args:
        speakers: number of speakers of each split.

    Returns:
        (`Utterances`, the `Protocol` of each codec).
    """
    samples, utterances, split_of = {}, [], {}
    for split in SPLITS:
        for speaker in (f"{split}{number}" for number in range(speakers[split])):
            split_of[speaker] = split
            for number in range(per_speaker):
                name = f"{speaker}_{number}"
                samples[name] = speech(0.4 + 0.05 * number, sample_rate, seed=len(samples))
                utterances.append(Utterance(name, speaker, f"{name}.wav", sample_rate, len(samples[name])))
    table, splits = utterance_table(utterances, 1), split_table(split_of)
    table["shard"] = table["speaker_id"].map(split_of).map(SPLITS.index)
    protocols = {}
    for codec in codecs:
        paths = [shard_path(folder, codec, number) for number in range(len(SPLITS))]
        for number, path in enumerate(paths):
            members = utterances_of_shard(table, number)
            write_shard(path, [_row(member, samples[member.utterance_id], codec) for member in members])
        protocols[codec] = build_protocol(paths, table, splits)
        write_waveforms(folder / f"waveforms/{codec}.arrow", shard_waveforms(paths, 1))
    return table, protocols


def make_trials(
    folder: Path, speech: Callable[..., np.ndarray], speakers: dict[str, int], per_speaker: int
) -> pd.DataFrame:
    """Write a run as `make_run` does; return the trials of all codecs, as `Protocol`."""
    _, protocols = make_run(folder, speech, speakers, per_speaker)
    return pd.concat(protocols.values(), ignore_index=True)


def _row(utterance: Utterance, samples: np.ndarray, codec: str) -> dict:
    bonafide = codec == IDENTITY
    return shard_row(
        samples if bonafide else muffle(samples, utterance.sample_rate),
        utterance.sample_rate,
        label="bonafide" if bonafide else "spoof",
        speaker_id=utterance.speaker_id,
        utterance_id=utterance.utterance_id,
        codec_name=codec,
    )
