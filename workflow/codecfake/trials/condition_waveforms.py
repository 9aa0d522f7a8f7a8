"""The waveforms of eval speech under a condition: a maker for `waveform_cache`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.data.waveforms import Waveforms
from codecfake.runtime.threads import spread
from codecfake.trials import conditions, waveform_cache
from codecfake.trials.protocol import condition_protocol, read_trials, trial_names
from codecfake.util.constants import SAMPLE_RATE


def describe(
    path: Path, name: str, condition: dict, protocols: list[Path], waveforms: list[Path], workers: int
) -> None:
    """Write the description of the waveforms of eval speech under a condition, and create the waveforms.

    Args:
        condition: an entry of conditions.yaml.
        protocols, waveforms: files of all codecs: their trials, and the descriptions of their waveforms.
    """
    arguments = {
        "name": name,
        "condition": condition,
        "protocols": [str(one) for one in protocols],
        "waveforms": [str(one) for one in waveforms],
    }
    waveform_cache.describe(path, sys.modules[__name__], arguments, [*protocols, *waveforms], workers)


def make(
    name: str, condition: dict, protocols: list[str], waveforms: list[str], workers: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the result of `condition_waveforms`; the arguments are those that `describe` wrote."""
    trials = read_trials([Path(path) for path in protocols])
    paths = waveform_cache.waveforms([Path(path) for path in waveforms], workers)
    return condition_waveforms(name, condition, trials, paths, workers)


def condition_waveforms(
    name: str, condition: dict, trials: pd.DataFrame, waveforms: Sequence[Path], workers: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, float32 [N] at 16 kHz) of every eval trial under a condition, in the order of `condition_protocol`.

    Args:
        condition: an entry of conditions.yaml.
        trials: trials without the condition, as `Protocol`.
        waveforms: files with the waveforms of these trials.
        workers: number of trials processed concurrently.
    """
    applied = conditions.checked(condition, "conditions.yaml", name)
    chosen = trials[trials["split"] == "eval"]
    original = Waveforms(waveforms, trial_names(chosen).tolist())

    def changed(number: int) -> np.ndarray:
        samples = audio.from_pcm16(original[number])
        # the utterance id is the seed: all versions of an utterance get the same noise
        return conditions.apply(applied, samples, SAMPLE_RATE, chosen["utterance_id"].iloc[number])

    made = spread(changed, range(len(original)), workers)
    made = tqdm(made, total=len(original), desc=name, unit="utt", mininterval=5)
    yield from zip(trial_names(condition_protocol(name, trials)), made, strict=True)
