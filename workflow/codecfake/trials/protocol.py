"""Protocols: the trials of a codec, a condition or an evaluation set."""

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa

from codecfake.data.shards import Shard
from codecfake.data.tables import Table, read
from codecfake.util.constants import LABELS, SPLITS
from codecfake.util.errors import DataError


class Protocol(Table):
    """The trials of one codec (or of bona fide speech)."""

    speaker_id: str = pa.Field(description="speaker id, as in Utterances")
    utterance_id: str = pa.Field(description="utterance id, as in Utterances; in an evaluation set, the file's path")
    codec: str = pa.Field(description="codec name; identity for bona fide; CODEC@CONDITION; name of an evaluation set")
    label: str = pa.Field(isin=LABELS, description="bonafide or spoof")
    split: str = pa.Field(isin=SPLITS, description="train, dev or eval, the split of the speaker")
    shard: int = pa.Field(ge=0, description="number of the codec's shard that holds the trial")
    row: int = pa.Field(ge=0, description="row of the trial in its shard")

    class Config(Table.Config):
        unique: ClassVar = ["utterance_id", "codec"]


def read_trials(paths: list[Path]) -> pd.DataFrame:
    """Read the trials of several protocols into one table."""
    return pd.concat([read(path, Protocol) for path in paths], ignore_index=True)


def build_protocol(shards: list[Path], utterances: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return the trials in one codec's shards, as `Protocol`.

    Raises:
        DataError: an utterance of the run is missing from the shards, or the shards hold one that is not in the run.
    """
    split_of_speaker = dict(zip(splits["speaker_id"], splits["split"], strict=True))
    split_of = dict(zip(utterances["utterance_id"], utterances["speaker_id"].map(split_of_speaker), strict=True))
    rows = []
    for number, path in enumerate(shards):
        for position, item in enumerate(Shard(path).describe()):
            utterance_id = item["utterance_id"]
            if utterance_id not in split_of:
                raise DataError(f"{path}: utterance {utterance_id!r} is not one of the run's")
            rows.append(
                {
                    "speaker_id": item["speaker_id"],
                    "utterance_id": utterance_id,
                    "codec": item["codec_name"],
                    "label": item["label"],
                    "split": split_of[utterance_id],
                    "shard": number,
                    "row": position,
                }
            )
    missing = sorted(set(split_of) - {row["utterance_id"] for row in rows})
    if missing:
        raise DataError(f"{shards[0].parent}: utterance {missing[0]!r} is in no shard ({len(missing)} missing)")
    return pd.DataFrame(rows)


def trial_names(trials: pd.DataFrame) -> pd.Series:
    """Return the name of each trial, which identifies its waveform and its score: CODEC+UTTERANCE_ID."""
    return trials["codec"] + "+" + trials["utterance_id"]


def evaluated(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials to score: those of eval, and those of dev for the threshold."""
    return trials[trials["split"] != "train"].reset_index(drop=True)


def set_protocol(shard: Path) -> pd.DataFrame:
    """Return the trials in the shard of an evaluation set, all with split eval, as `Protocol`."""
    described = pd.DataFrame(Shard(shard).describe())
    trials = described[["speaker_id", "utterance_id", "codec_name", "label"]].rename(columns={"codec_name": "codec"})
    return trials.assign(split="eval", shard=0, row=range(len(trials)))


def condition_protocol(name: str, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the eval trials under a condition, as `Protocol`; their codec is CODEC@CONDITION."""
    chosen = trials[trials["split"] == "eval"].reset_index(drop=True)
    return chosen.assign(codec=chosen["codec"] + "@" + name)
