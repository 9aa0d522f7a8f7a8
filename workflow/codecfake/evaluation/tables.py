"""The tables of the evaluation: scores, metrics, breakdown, significance."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.data.tables import RATE, Table, extended, write
from codecfake.evaluation.metrics import METRICS
from codecfake.trials.protocol import trial_names


class Scores(Table):
    """The CM scores of one detector, readable by the ASVspoof 5 evaluation package as they are."""

    filename: str = pa.Field(unique=True, description="CODEC+UTTERANCE_ID")
    cm_score: float = pa.Field(alias="cm-score", nullable=False, description="higher = more bona fide")


class _Cells(Table):
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


_Measured = extended(_Cells, {one.name: pa.Field(ge=0, le=one.most, description=one.description) for one in METRICS})


class Metrics(_Measured):
    __doc__ = _Cells.__doc__

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


def score_table(names: Sequence[str], scores: np.ndarray) -> pd.DataFrame:
    """Scores as `manifest.Scores`."""
    return pd.DataFrame({"filename": names, "cm-score": scores.round(6)})


def write_scores(scores: pd.DataFrame, codec_trials: pd.DataFrame, main: Path, other: Path) -> None:
    """Write `Scores` in two files: of the codecs' eval trials, and of all others (dev, conditions, sets)."""
    is_main = scores["filename"].isin(trial_names(codec_trials[codec_trials["split"] == "eval"]))
    write(scores[~is_main], Scores, other)
    write(scores[is_main], Scores, main)
