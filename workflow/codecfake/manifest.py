"""Utterances, protocols, scores: the tables between the stages, every column described and checked."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from codecfake.corpora import Utterance
from codecfake.corpora.base import stable_number
from codecfake.errors import DataError
from codecfake.files import write_text
from codecfake.names import LABELS, SPLITS
from codecfake.store import Shard

#: Columns that stay text where their values look like numbers.
IDS = ("speaker_id", "utterance_id", "filename")


class Utterances(pa.DataFrameModel):
    """The utterances of a run."""

    utterance_id: str = pa.Field(unique=True, description="the corpus's own id")
    speaker_id: str = pa.Field(description="the corpus's own id")
    split: str = pa.Field(isin=SPLITS, description="train, dev or eval; a speaker is in one only")
    sample_rate: int = pa.Field(gt=0, description="Hz, of the recording")
    num_samples: int = pa.Field(gt=0, description="at that rate")
    shard: int = pa.Field(ge=0, description="the shard that holds it, the same for every codec")
    source: str = pa.Field(description="where the corpus finds the samples")

    class Config:
        strict = True
        ordered = True
        coerce = True


class Protocol(pa.DataFrameModel):
    """The trials of one codec (or of bona fide speech)."""

    speaker_id: str = pa.Field(description="as in Utterances")
    utterance_id: str = pa.Field(unique=True, description="as in Utterances")
    codec: str = pa.Field(description="codec name; identity for bona fide")
    label: str = pa.Field(isin=LABELS, description="bonafide or spoof")
    split: str = pa.Field(isin=SPLITS, description="as in Utterances")
    shard: int = pa.Field(ge=0, description="the codec's shard that holds the trial")
    row: int = pa.Field(ge=0, description="its row there")

    class Config:
        strict = True
        ordered = True
        coerce = True


class Scores(pa.DataFrameModel):
    """The CM scores of one detector, readable by the ASVspoof 5 evaluation package as they are."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    cm_score: float = pa.Field(alias="cm-score", nullable=False, description="higher = more bona fide")

    class Config:
        strict = True
        ordered = True
        coerce = True


def check(table: pd.DataFrame, model: type[pa.DataFrameModel], name: str) -> pd.DataFrame:
    """Return the table with the model's types, its rows numbered from 0.

    Raises:
        DataError: a column is missing, unknown or holds a value not allowed; names the first such row.
    """
    table = table.reset_index(drop=True)
    try:
        return model.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        case = errors.failure_cases.iloc[0]
        row = ""
        if pd.notna(case["index"]):
            first = table.iloc[int(case["index"])]
            row = f" (row {int(case['index'])}: {first.iloc[0]!r}, {first.iloc[1]!r})"
        raise DataError(
            f"{name}: column {case['column']!r}: {case['failure_case']!r} breaks {case['check']}{row}"
        ) from None


def read(path: Path, model: type[pa.DataFrameModel]) -> pd.DataFrame:
    """Read and check a table written by `write`."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(IDS, str), keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from None
    return check(table, model, str(path))


def write(table: pd.DataFrame, model: type[pa.DataFrameModel], path: Path) -> None:
    """Check and write a table as TSV."""
    write_text(path, check(table, model, str(path)).to_csv(sep="\t", index=False, lineterminator="\n"))


def utterance_table(utterances: list[Utterance], split_of: dict[str, str], shards: int) -> pd.DataFrame:
    """Utterances with their split and shard, as `Utterances`.

    The shard follows from the id alone: adding utterances moves none.
    """
    rows = [
        {
            "utterance_id": u.utterance_id,
            "speaker_id": u.speaker_id,
            "split": split_of[u.speaker_id],
            "sample_rate": u.sample_rate,
            "num_samples": u.num_samples,
            "shard": stable_number(u.utterance_id) % shards,
            "source": u.source,
        }
        for u in utterances
    ]
    return check(pd.DataFrame(rows), Utterances, "utterances")


def utterances_of_shard(table: pd.DataFrame, shard: int) -> list[Utterance]:
    """The members of a shard, in order of id."""
    members = table[table["shard"] == shard].sort_values("utterance_id")
    fields = ["utterance_id", "speaker_id", "sample_rate", "num_samples", "source"]
    return [Utterance(**row) for row in members[fields].to_dict("records")]


def protocol(shards: list[Path], utterances: pd.DataFrame) -> pd.DataFrame:
    """The trials in one codec's shards, as `Protocol`.

    Raises:
        DataError: an utterance is missing from the shards, or is not one of the run's.
    """
    split_of = dict(zip(utterances["utterance_id"], utterances["split"], strict=True))
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
