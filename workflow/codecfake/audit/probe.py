"""The probe: a logistic regression that separates a codec from bona fide speech by trivial cues alone.

It is cross-validated by speaker and uses no cue measured against the bona fide recording, so it has no more information
than a detector given one clip of an unseen speaker. If the probe succeeds, a detector may rely on the same cues instead
of codec artefacts.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.data import tables
from codecfake.evaluation import metrics
from codecfake.evaluation.baselines import fit_and_score
from codecfake.evaluation.eer_interval import eer_interval
from codecfake.util.constants import IDENTITY, SAMPLE_RATE

FOLDS = 5
#: Minimum number of trials of each class: with fewer, an error rate is meaningless.
LEAST_TRIALS = 10
#: Group of the file format cues, which decoding removes, and group of all cues that decoding preserves.
FORMAT, ALL = "format", "all"


class Probe(tables.Table):
    """Result of the probe, by codec and group of cues."""

    codec: str = pa.Field(description="codec classified against bona fide speech")
    group: str = pa.Field(description="cues: format, length, level, silence, band, lsb, or all (all but format)")
    bonafide_trials: int = pa.Field(ge=0, description="bona fide trials of speakers in both classes")
    spoof_trials: int = pa.Field(ge=0, description="spoof trials of speakers in both classes")
    speakers: int = pa.Field(ge=0, description="speakers in both classes")
    eer: float = pa.Field(nullable=True, in_range=tables.RATE, description="a fraction; empty with too few trials")
    eer_low: float = pa.Field(nullable=True, description="lower end of the 95 % interval for these speakers")
    eer_high: float = pa.Field(nullable=True, description="upper end of the interval")
    remark: str = pa.Field(description="reason for a missing EER")


class Trials(NamedTuple):
    """Clips of both classes, bona fide first, of the speakers in both classes.

    Attributes:
        cues: `cues.Cues` of both classes [N].
        labels: int [N], 1 = bona fide, 0 = spoof.
    """

    cues: pd.DataFrame
    labels: np.ndarray


def probe(cues: dict[str, pd.DataFrame], hops: Sequence[int]) -> pd.DataFrame:
    """Train and evaluate the probe on each codec, as `Probe`.

    Args:
        cues: `cues.Cues` by codec, including bona fide speech.
        hops: hops whose multiples the lengths may be, in samples.
    """
    rows = []
    for codec in cues:
        if codec != IDENTITY:
            trials = _trials(cues[IDENTITY], cues[codec])
            rows += [{"codec": codec, **row} for row in _rows(trials, hops)]
    return tables.check(pd.DataFrame(rows, columns=tables.columns(Probe)), Probe, "probe")


def _trials(bonafide: pd.DataFrame, spoof: pd.DataFrame) -> Trials:
    shared = set(bonafide["speaker_id"]) & set(spoof["speaker_id"])
    bonafide, spoof = (table[table["speaker_id"].isin(shared)] for table in (bonafide, spoof))
    return Trials(pd.concat([bonafide, spoof], ignore_index=True), np.repeat([1, 0], [len(bonafide), len(spoof)]))


def _rows(trials: Trials, hops: Sequence[int]) -> list[dict]:
    bonafide, speakers = int(trials.labels.sum()), trials.cues["speaker_id"].nunique()
    spoof = len(trials.labels) - bonafide
    counts = {"bonafide_trials": bonafide, "spoof_trials": spoof, "speakers": speakers}
    if remark := _lacking(**counts):
        empty = dict.fromkeys(("eer", "eer_low", "eer_high"), np.nan)
        return [{"group": group, **counts, **empty, "remark": remark} for group in (FORMAT, *GROUPS, ALL)]
    return [
        {"group": group, **counts, **_error_rate(features, trials), "remark": ""}
        for group, features in feature_groups(trials.cues, hops).items()
    ]


def _lacking(bonafide_trials: int, spoof_trials: int, speakers: int) -> str:
    """Return which speakers or trials are too few for an error rate; empty if there are enough."""
    if speakers < 2:
        return f"speakers in both classes: {speakers}, at least 2 needed"
    if min(bonafide_trials, spoof_trials) < LEAST_TRIALS:
        return f"trials: {bonafide_trials} bona fide and {spoof_trials} spoof, at least {LEAST_TRIALS} of each needed"
    return ""


def feature_groups(cues: pd.DataFrame, hops: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the features [N, K] of each group of cues; `all` has those that decoding to 16 kHz preserves."""
    kinds = pd.get_dummies(cues[["container", "subtype", "sample_rate"]].astype(str)).to_numpy(np.float64)
    groups = {group: features(cues, hops) for group, features in GROUPS.items()}
    return {FORMAT: kinds, **groups, ALL: np.hstack(list(groups.values()))}


def _columns(*names: str) -> Callable[[pd.DataFrame, Sequence[int]], np.ndarray]:
    return lambda cues, hops: cues[list(names)].to_numpy(np.float64)


def _length(cues: pd.DataFrame, hops: Sequence[int]) -> np.ndarray:
    """Return the duration in seconds, and whether the length is a multiple of each hop."""
    lengths = cues["num_samples"].to_numpy()
    return np.column_stack([lengths / cues["sample_rate"], *(lengths % hop == 0 for hop in hops)])


def _low_bits(cues: pd.DataFrame, hops: Sequence[int]) -> np.ndarray:
    """Return the shares of samples on the 16-bit grid and of odd ones; resampling destroys both (0 and 0.5)."""
    kept = (cues["sample_rate"] == SAMPLE_RATE).to_numpy()
    return np.column_stack([np.where(kept, cues["on_grid_share"], 0), np.where(kept, cues["odd_share"], 0.5)])


#: Groups of cues that decoding preserves, and the functions that compute their features.
GROUPS = {
    "length": _length,
    "level": _columns("level_dbfs", "peak", "dc", "clipped_share"),
    "silence": _columns("leading_silence_s", "trailing_silence_s"),
    "band": _columns("bandwidth_at_16k_hz", "above_7khz_db"),
    "lsb": _low_bits,
}


def _error_rate(features: np.ndarray, trials: Trials) -> dict[str, float]:
    """Return the EER of out-of-fold scores and its interval by speakers."""
    from sklearn.model_selection import GroupKFold

    speakers = trials.cues["speaker_id"].to_numpy()
    folds = GroupKFold(min(FOLDS, len(set(speakers)))).split(features, groups=speakers)
    scores = np.empty(len(features))
    for train, held_out in folds:
        scores[held_out] = fit_and_score(features[train], trials.labels[train], features[held_out])
    bonafide = trials.labels == 1
    classes = scores[bonafide], scores[~bonafide]
    low, high = eer_interval(*classes, speakers[bonafide], speakers[~bonafide])
    return {"eer": metrics.eer(*classes), "eer_low": low, "eer_high": high}
