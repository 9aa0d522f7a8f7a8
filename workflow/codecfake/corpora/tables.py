"""The tables of a corpus: utterances, those left out, speakers, splits."""

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

#: The most a shard's audio may come to, as 16-bit PCM at 48 kHz (FLAC is about half): files of at most 1 GB.
MAX_SHARD_SECONDS = 1e9 / (2 * 48000)


class Utterances(Table):
    """The utterances of a run."""

    utterance_id: str = pa.Field(unique=True, description="the corpus's own id")
    speaker_id: str = pa.Field(description="the corpus's own id")
    sample_rate: int = pa.Field(gt=0, description="Hz, of the recording")
    num_samples: int = pa.Field(gt=0, description="at that rate")
    shard: int = pa.Field(ge=0, description="the shard that holds it, the same for every codec")
    source: str = pa.Field(description="where the corpus finds the samples")
    text: str = pa.Field(description="what is said, if the corpus knows")


class LeftOutUtterances(Table):
    """Utterances of the corpus that are in neither class, and why."""

    utterance_id: str = pa.Field(unique=True, description="the corpus's own id")
    speaker_id: str = pa.Field(description="the corpus's own id")
    reason: str = pa.Field(description="what is wrong with the recording, or that there is none")


class Speakers(Table):
    """The speakers of a run's utterances, and those whose utterances are all left out."""

    speaker_id: str = pa.Field(unique=True, description="the corpus's own id")
    utterances: int = pa.Field(ge=0, description="how many the run has")
    left_out: int = pa.Field(ge=0, description="how many are left out")
    without_text: int = pa.Field(ge=0, description="of how many the corpus has no text")
    age: str = pa.Field(description="years, as the corpus says; empty if it does not")
    gender: str = pa.Field(description="as the corpus says")
    accent: str = pa.Field(description="as the corpus says")
    region: str = pa.Field(description="as the corpus says")
    comment: str = pa.Field(description="as the corpus says")


class Splits(Table):
    """Which split each speaker is in."""

    speaker_id: str = pa.Field(unique=True, description="as in Speakers")
    split: str = pa.Field(isin=SPLITS, description="train, dev or eval")


def utterance_table(utterances: list[Utterance], shards: int) -> pd.DataFrame:
    """Utterances with their shard, as `Utterances`.

    The shard follows from the id alone: adding utterances moves none.

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
    """The members of a shard, in order of id."""
    members = table[table["shard"] == shard].sort_values("utterance_id")
    return [Utterance(**row) for row in members.drop(columns="shard").to_dict("records")]


def speaker_table(utterances: list[Utterance], left_out: list[LeftOut], known: dict[str, Speaker]) -> pd.DataFrame:
    """What is known of the speakers and how much there is of each, as `Speakers`."""
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
    """Utterances left out, as `LeftOutUtterances`."""
    table = pd.DataFrame(sorted(left_out), columns=columns(LeftOutUtterances))
    return check(table, LeftOutUtterances, "utterances left out")


def split_table(split_of: dict[str, str]) -> pd.DataFrame:
    """The split of each speaker, as `Splits`."""
    return check(pd.DataFrame(sorted(split_of.items()), columns=columns(Splits)), Splits, "splits")


def speakers_with_utterances(table: pd.DataFrame) -> dict[str, Speaker]:
    """The speakers of a `Speakers` table that a split can hold, by id."""
    present = table[table["utterances"] > 0].set_index("speaker_id")[list(Speaker._fields)]
    return {speaker: Speaker(**row) for speaker, row in present.to_dict("index").items()}
