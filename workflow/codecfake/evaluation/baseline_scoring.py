"""Score the trials of protocols with the baselines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.data.waveforms import Waveforms
from codecfake.evaluation import baselines
from codecfake.evaluation.tables import score_table
from codecfake.trials.protocol import evaluated, trial_names
from codecfake.util.constants import SAMPLE_RATE


def score_randomly(trials: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return random scores of the dev and eval trials, as `tables.Scores`."""
    names = trial_names(evaluated(trials)).tolist()
    return score_table(names, baselines.random_scores(names, seed))


def score_by_features(trials: pd.DataFrame, waveforms: Sequence[Path]) -> pd.DataFrame:
    """Score the dev and eval trials with a classifier of trivial features fitted on train, as `tables.Scores`."""
    train, rows = trials[trials["split"] == "train"].reset_index(drop=True), evaluated(trials)
    known, asked = (Waveforms(waveforms, trial_names(part).tolist()) for part in (train, rows))
    labels = (train["label"] == "bonafide").to_numpy(int)
    scores = baselines.fit_and_score(_features(known, "train"), labels, _features(asked, "dev and eval"))
    return score_table(trial_names(rows).tolist(), scores)


def _features(waveforms: Waveforms, title: str) -> np.ndarray:
    """Return the `baselines.trivial_features` [N, K] of all waveforms."""
    numbers = tqdm(range(len(waveforms)), desc=title, unit="utt", mininterval=5)
    samples = (audio.from_pcm16(waveforms[number]) for number in numbers)
    return np.stack([baselines.trivial_features(one, SAMPLE_RATE) for one in samples])
