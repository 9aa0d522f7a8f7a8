"""Utterances, speakers, protocols, scores: the tables between the stages, every column described and checked."""

import math
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa

from codecfake.corpora import LeftOut, Speaker, Utterance
from codecfake.errors import DataError
from codecfake.files import write_text
from codecfake.names import LABELS, SPLITS
from codecfake.selection import stable_number
from codecfake.store import Shard

RATE = {"min_value": 0, "max_value": 1}
#: The most a shard's audio may come to, as 16-bit PCM at 48 kHz (FLAC is about half): files of at most 1 GB.
MAX_SHARD_SECONDS = 1e9 / (2 * 48000)


class Table(pa.DataFrameModel):
    """A table of exactly the columns described, in that order."""

    class Config:
        strict = True
        ordered = True
        coerce = True


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


class Protocol(Table):
    """The trials of one codec (or of bona fide speech)."""

    speaker_id: str = pa.Field(description="as in Utterances")
    utterance_id: str = pa.Field(description="as in Utterances; in an evaluation set, the file's path")
    codec: str = pa.Field(description="codec name; identity for bona fide; CODEC@CONDITION; name of an evaluation set")
    label: str = pa.Field(isin=LABELS, description="bonafide or spoof")
    split: str = pa.Field(isin=SPLITS, description="as in Utterances")
    shard: int = pa.Field(ge=0, description="the codec's shard that holds the trial")
    row: int = pa.Field(ge=0, description="its row there")

    class Config(Table.Config):
        unique: ClassVar = ["utterance_id", "codec"]


class Scores(Table):
    """The CM scores of one detector, readable by the ASVspoof 5 evaluation package as they are."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    cm_score: float = pa.Field(alias="cm-score", nullable=False, description="higher = more bona fide")


class Metrics(Table):
    """How good every detector is in every column of the matrix. Rates and costs as fractions, see `metrics`."""

    train_codec: str = pa.Field(description="the row: what the detector was trained on, or a baseline")
    seed: str = pa.Field(description="with which it was trained; empty for a baseline")
    eval_codec: str = pa.Field(description="the column: a codec, all pooled, a condition, a set")
    bonafide_trials: int = pa.Field(gt=0, description="how many")
    spoof_trials: int = pa.Field(gt=0, description="how many")
    speakers: int = pa.Field(gt=0, description="of these trials")
    eer: float = pa.Field(
        in_range=RATE, description="equal error rate; above 0.5 the detector ranks the wrong way round"
    )
    eer_low: float = pa.Field(
        nullable=True, description="its 95 % interval, by resampling speakers; empty of one speaker"
    )
    eer_high: float = pa.Field(nullable=True, description="the same, its upper end")
    eer_low_by_trial: float = pa.Field(description="by resampling trials: too narrow where speakers are few")
    eer_high_by_trial: float = pa.Field(description="the same, its upper end")
    auc: float = pa.Field(in_range=RATE, description="area under the ROC curve")
    min_dcf: float = pa.Field(ge=0, description="normalised detection cost of ASVspoof 5 at the best threshold")
    act_dcf: float = pa.Field(ge=0, description="the same at the threshold for log-likelihood ratios")
    cllr: float = pa.Field(ge=0, description="bits, of the scores as log-likelihood ratios")
    min_cllr: float = pa.Field(ge=0, description="bits, after the best calibration")
    dev_threshold: float = pa.Field(description="CM score at which the errors are equal on dev")
    dev_miss: float = pa.Field(in_range=RATE, description="bona fide rejected on eval at that threshold")
    dev_false_alarm: float = pa.Field(in_range=RATE, description="spoof accepted on eval at that threshold")


class Breakdown(Table):
    """The EER of parts of a cell's trials."""

    train_codec: str = pa.Field(description="as in Metrics")
    seed: str = pa.Field(description="as in Metrics")
    eval_codec: str = pa.Field(description="as in Metrics")
    by: str = pa.Field(isin=("speaker", "gender"), description="what the trials are parted by")
    group: str = pa.Field(description="the speaker, or the gender as the corpus says it")
    bonafide_trials: int = pa.Field(gt=0, description="how many")
    spoof_trials: int = pa.Field(gt=0, description="how many")
    eer: float = pa.Field(in_range=RATE, description="a fraction")


class Significance(Table):
    """Rows of the matrix against one of them, on the same trials."""

    train_codec: str = pa.Field(description="as in Metrics")
    reference: str = pa.Field(description="the row it is compared with")
    eval_codec: str = pa.Field(description="as in Metrics")
    difference: float = pa.Field(description="of its EER from the reference's; above 0 it is worse")
    low: float = pa.Field(description="95 % interval of that, by resampling speakers")
    high: float = pa.Field(description="the same, its upper end")
    p: float = pa.Field(in_range=RATE, description="two-sided, that there is no difference")
    p_adjusted: float = pa.Field(in_range=RATE, description="for all comparisons of the column (Holm)")


def columns(model: type[Table]) -> list[str]:
    """The names of a model's columns, in order."""
    return list(model.to_schema().columns)


def check(table: pd.DataFrame, model: type[Table], name: str) -> pd.DataFrame:
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


def read(path: Path, model: type[Table]) -> pd.DataFrame:
    """Read and check a table written by `write`: text stays text, and nothing is no number where there may be none."""
    described = model.to_schema().columns
    texts = [name for name, column in described.items() if pd.api.types.is_string_dtype(column.dtype.type)]
    maybe = [name for name, column in described.items() if column.nullable]
    try:
        table = pd.read_csv(
            path, sep="\t", dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=dict.fromkeys(maybe, "")
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from None
    return check(table, model, str(path))


def read_trials(paths: list[Path]) -> pd.DataFrame:
    """The trials of several protocols."""
    return pd.concat([read(path, Protocol) for path in paths], ignore_index=True)


def write(table: pd.DataFrame, model: type[Table], path: Path) -> None:
    """Check and write a table as TSV."""
    write_text(path, check(table, model, str(path)).to_csv(sep="\t", index=False, lineterminator="\n"))


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


def protocol(shards: list[Path], utterances: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """The trials in one codec's shards, as `Protocol`.

    Raises:
        DataError: an utterance is missing from the shards, or is not one of the run's.
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
