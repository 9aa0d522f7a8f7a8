"""The tables of a corpus: utterances, utterances left out, speakers, splits."""

import math
from collections import Counter
from dataclasses import asdict

import pandas as pd
import pandera.pandas as pa

from codecfake.corpora.base import LeftOut, Speaker, Utterance
from codecfake.data.tables import Table, check, columns
from codecfake.util.constants import SPLITS
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number

#: Maximum audio per shard in seconds: 1 GB as 16-bit PCM at 48 kHz (FLAC takes about half).
MAX_SHARD_SECONDS = 1e9 / (2 * 48000)


class Utterances(Table):
    """The utterances of a run."""

    utterance_id: str = pa.Field(unique=True, description="utterance id in the corpus")
    speaker_id: str = pa.Field(description="speaker id in the corpus")
    sample_rate: int = pa.Field(gt=0, description="sample rate of the recording in Hz")
    num_samples: int = pa.Field(gt=0, description="length in samples at that rate")
    shard: int = pa.Field(ge=0, description="number of the utterance's shard, the same for every codec")
    source: str = pa.Field(description="location of the samples within the corpus")
    text: str = pa.Field(description="transcript; empty if unknown")


class LeftOutUtterances(Table):
    """Utterances of the corpus that both classes leave out, and the reasons."""

    utterance_id: str = pa.Field(unique=True, description="utterance id in the corpus")
    speaker_id: str = pa.Field(description="speaker id in the corpus")
    reason: str = pa.Field(description="the recording's defect, or that the recording is missing")


class Speakers(Table):
    """The speakers of a run's utterances, and those whose utterances are all left out."""

    speaker_id: str = pa.Field(unique=True, description="speaker id in the corpus")
    utterances: int = pa.Field(ge=0, description="number of utterances in the run")
    left_out: int = pa.Field(ge=0, description="number of utterances left out")
    without_text: int = pa.Field(ge=0, description="number of utterances in the run without a transcript")
    age: str = pa.Field(description="age in years, from the corpus; empty if unknown")
    gender: str = pa.Field(description="gender, from the corpus; empty if unknown")
    accent: str = pa.Field(description="accent, from the corpus; empty if unknown")
    region: str = pa.Field(description="region, from the corpus; empty if unknown")
    comment: str = pa.Field(description="comment of the corpus; empty if there is none")


class Splits(Table):
    """The split of each speaker."""

    speaker_id: str = pa.Field(unique=True, description="as in Speakers")
    split: str = pa.Field(isin=SPLITS, description="train, dev or eval")


def utterance_table(utterances: list[Utterance], shards: int) -> pd.DataFrame:
    """Return utterances with their shards, as `Utterances`.

    The shard depends on the utterance id only, so that adding utterances moves no other utterance.

    Raises:
        DataError: a shard would hold more than `MAX_SHARD_SECONDS`.
    """
    table = pd.DataFrame([asdict(utterance) for utterance in utterances], columns=columns(Utterances))
    table["shard"] = [stable_number(utterance.utterance_id) % shards for utterance in utterances]
    table = check(table, Utterances, "utterances")
    seconds = (table["num_samples"] / table["sample_rate"]).groupby(table["shard"]).sum()
    if seconds.max() > MAX_SHARD_SECONDS:
        least = math.ceil(shards * seconds.max() / MAX_SHARD_SECONDS)
        raise DataError(
            f"shards: {shards} would hold up to {seconds.max() / 3600:.1f} h of audio each, more than 1 GB; "
            f"at least {least} needed"
        )
    return table


def utterances_of_shard(table: pd.DataFrame, shard: int) -> list[Utterance]:
    """Return the utterances of a shard, sorted by id."""
    members = table[table["shard"] == shard].sort_values("utterance_id")
    return [Utterance(**row) for row in members.drop(columns="shard").to_dict("records")]


def speaker_table(utterances: list[Utterance], left_out: list[LeftOut], known: dict[str, Speaker]) -> pd.DataFrame:
    """Return the speakers' metadata and numbers of utterances, as `Speakers`."""
    have = Counter(utterance.speaker_id for utterance in utterances)
    lost = Counter(item.speaker_id for item in left_out)
    silent = Counter(utterance.speaker_id for utterance in utterances if not utterance.text)
    rows = [
        {
            "speaker_id": speaker,
            "utterances": have[speaker],
            "left_out": lost[speaker],
            "without_text": silent[speaker],
            **known.get(speaker, Speaker())._asdict(),
        }
        for speaker in sorted(have.keys() | lost.keys())
    ]
    return check(pd.DataFrame(rows), Speakers, "speakers")


def left_out_table(left_out: list[LeftOut]) -> pd.DataFrame:
    """Return the utterances left out, as `LeftOutUtterances`."""
    table = pd.DataFrame(sorted(left_out), columns=columns(LeftOutUtterances))
    return check(table, LeftOutUtterances, "utterances left out")


def split_table(split_of: dict[str, str]) -> pd.DataFrame:
    """Return the split of each speaker, as `Splits`."""
    return check(pd.DataFrame(sorted(split_of.items()), columns=columns(Splits)), Splits, "splits")


def speakers_with_utterances(table: pd.DataFrame) -> dict[str, Speaker]:
    """Return the speakers of a `Speakers` table who have utterances, by id."""
    present = table[table["utterances"] > 0].set_index("speaker_id")[list(Speaker._fields)]
    return {speaker: Speaker(**row) for speaker, row in present.to_dict("index").items()}
