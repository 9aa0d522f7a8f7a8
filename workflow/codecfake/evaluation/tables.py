"""Schemas of the evaluation's tables: scores, metrics, breakdown, significance."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.data.tables import DIGITS, RATE, Table, extended, write
from codecfake.evaluation.metrics import METRICS
from codecfake.trials.protocol import trial_names


class Scores(Table):
    """The CM scores of one detector, in the format of the ASVspoof 5 evaluation package."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    cm_score: float = pa.Field(alias="cm-score", nullable=False, description="higher = more bona fide")


class _Cells(Table):
    """The performance of every detector on every column of the matrix. Rates are fractions."""

    trained_on: str = pa.Field(description="the row: the detector's training set, or the name of a baseline")
    seed: str = pa.Field(str_matches=r"^[0-9]*$", description="seed of the training; empty for a baseline")
    evaluated_on: str = pa.Field(description="the column: a codec, all codecs pooled, a condition or an evaluation set")
    bonafide_trials: int = pa.Field(gt=0, description="number of bona fide trials")
    spoof_trials: int = pa.Field(gt=0, description="number of spoof trials")
    speakers: int = pa.Field(gt=0, description="number of speakers of these trials")
    eer: float = pa.Field(
        in_range=RATE, description="equal error rate; above 0.5 the detector ranks spoof above bona fide"
    )
    eer_low: float = pa.Field(
        nullable=True,
        description="95 % interval of the EER, by speaker, lower end; empty for one speaker",
    )
    eer_high: float = pa.Field(nullable=True, description="the upper end of that interval")
    eer_low_by_trial: float = pa.Field(
        description="95 % interval for independent trials, lower end; too narrow if speakers differ"
    )
    eer_high_by_trial: float = pa.Field(description="the upper end of that interval")


_Measured = extended(_Cells, {one.name: pa.Field(ge=0, le=one.most, description=one.description) for one in METRICS})


class Metrics(_Measured):
    __doc__ = _Cells.__doc__

    dev_threshold: float = pa.Field(description="EER threshold on dev, a CM score")
    dev_miss: float = pa.Field(in_range=RATE, description="miss rate on eval at that threshold")
    dev_false_alarm: float = pa.Field(in_range=RATE, description="false-alarm rate on eval at that threshold")


class Breakdown(Table):
    """The EER of every cell by speaker and by gender."""

    trained_on: str = pa.Field(description="as in Metrics")
    seed: str = pa.Field(description="as in Metrics")
    evaluated_on: str = pa.Field(description="as in Metrics")
    by: str = pa.Field(isin=("speaker", "gender"), description="property by which the trials are grouped")
    group: str = pa.Field(description="the speaker, or the gender as the corpus names it")
    bonafide_trials: int = pa.Field(gt=0, description="number of bona fide trials")
    spoof_trials: int = pa.Field(gt=0, description="number of spoof trials")
    eer: float = pa.Field(in_range=RATE, description="equal error rate, a fraction")


class Significance(Table):
    """Comparison of the rows of the matrix with a reference row, on the same trials."""

    trained_on: str = pa.Field(description="as in Metrics")
    reference: str = pa.Field(description="the row with which it is compared")
    evaluated_on: str = pa.Field(description="as in Metrics")
    difference: float = pa.Field(description="EER minus the EER of the reference; above 0, the row is worse")
    low: float = pa.Field(description="95 % interval of the difference from resampling speakers, lower end")
    high: float = pa.Field(description="the upper end of that interval")
    p: float = pa.Field(in_range=RATE, description="two-sided p value of the null hypothesis of no difference")
    p_adjusted: float = pa.Field(in_range=RATE, description="p, adjusted for all comparisons of the column (Holm)")


def score_table(names: Sequence[str], scores: np.ndarray) -> pd.DataFrame:
    """Return a table of scores, as `Scores`."""
    return pd.DataFrame({"filename": names, "cm-score": scores.round(DIGITS)})


def write_scores(scores: pd.DataFrame, codec_trials: pd.DataFrame, main: Path, other: Path) -> None:
    """Write `Scores` to two files: the codecs' eval trials to `main`, all others (dev, conditions, sets) to `other`."""
    is_main = scores["filename"].isin(trial_names(codec_trials[codec_trials["split"] == "eval"]))
    write(scores[~is_main], Scores, other)
    write(scores[is_main], Scores, main)
