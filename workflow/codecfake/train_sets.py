"""What detectors are trained on: one codec, all, all but one family, all in balance."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from codecfake.errors import ConfigError
from codecfake.names import POOLED

#: Kinds of training sets a config's `train_sets` may name; `balanced-` goes on with an axis of `taxonomy`.
EACH, LEAVE_OUT, BALANCED = "each", "leave-one-family-out", "balanced-"
TAXONOMY = ("vector_quantizer", "auxiliary", "decoder")
DEFAULT = [EACH, POOLED]


class TrainSet(NamedTuple):
    """The codecs whose spoof a detector is trained on, and the class of each among which spoof is balanced."""

    codecs: list[str]
    classes: dict[str, str] | None = None


def without(family: str) -> str:
    """The name of the set that lacks a family."""
    return f"without-{family}"


def train_sets(run: dict) -> dict[str, TrainSet]:
    """The training sets of a resolved run by name, in the order of the matrix's rows.

    Raises:
        ConfigError: all codecs are of one family, and it was to be left out; a codec has the name of a set.
    """
    codecs = run["codecs"]
    found: dict[str, TrainSet] = {}
    for kind in run.get("train_sets", DEFAULT):
        named = _sets_of(kind, codecs, run["codec_entries"])
        if twice := sorted(found.keys() & named.keys()):
            raise ConfigError(f"train_sets: {twice[0]!r} is the name of a codec and of a set")
        found |= named
    return found


def _sets_of(kind: str, codecs: list[str], entries: dict[str, dict]) -> dict[str, TrainSet]:
    if kind == EACH:
        return {codec: TrainSet([codec]) for codec in codecs}
    if kind == POOLED:
        return {POOLED: TrainSet(codecs)}
    if kind == LEAVE_OUT:
        families = list(dict.fromkeys(entries[codec]["family"] for codec in codecs))
        if len(families) == 1:
            raise ConfigError(f"train_sets: {LEAVE_OUT}: all codecs are of family {families[0]!r}; two are needed")
        return {
            without(family): TrainSet([codec for codec in codecs if entries[codec]["family"] != family])
            for family in families
        }
    axis = kind.removeprefix(BALANCED)
    return {kind: TrainSet(codecs, {codec: entries[codec]["taxonomy"][axis] for codec in codecs})}


def draw(trials: pd.DataFrame, classes: dict[str, str] | None, rng: np.random.Generator) -> list[int]:
    """The order in which the trials of an epoch are trained on.

    All of them once, shuffled; with `classes` each class of spoof gets the same share of as many trials as there
    are spoof ones: a small class comes round again, once all of it has come, and of a large one some wait for
    another epoch.

    Args:
        trials: rows of `manifest.Protocol`.
        classes: of each codec.
    """
    if classes is None:
        return rng.permutation(len(trials)).tolist()
    positions = pd.Series(np.arange(len(trials)))
    is_spoof = (trials["label"] == "spoof").to_numpy()
    class_of = trials["codec"].map(classes).to_numpy()
    spoof = [group.to_numpy() for _, group in positions[is_spoof].groupby(class_of[is_spoof])]
    bonafide = positions[~is_spoof].to_numpy()
    share = sum(map(len, spoof)) // len(spoof)
    drawn = [
        np.concatenate([rng.permutation(group) for _ in range(-(-share // len(group)))])[:share] for group in spoof
    ]
    return rng.permutation(np.concatenate([bonafide, *drawn])).tolist()
