"""Training sets of detectors: one codec, all codecs, all but one family, or all with balanced classes."""

from typing import NamedTuple

from codecfake.util.constants import POOLED
from codecfake.util.errors import ConfigError

#: Kinds of training sets that a config's `train_sets` may name; an axis of the codecs' taxonomy follows `balanced-`.
EACH, LEAVE_OUT, BALANCED = "each", "leave-one-family-out", "balanced-"
DEFAULT = [EACH, POOLED]


class TrainSet(NamedTuple):
    """The codecs whose spoof trains a detector, and the class of each codec if spoof is balanced by class."""

    codecs: list[str]
    classes: dict[str, str] | None = None


def without(family: str) -> str:
    """Return the name of the training set that leaves out a family."""
    return f"without-{family}"


def train_sets(run: dict) -> dict[str, TrainSet]:
    """Return the training sets of a resolved run by name, in the order of the matrix's rows.

    Raises:
        ConfigError: a family is to be left out, but all codecs are of one family; or a codec has the name of a set.
    """
    codecs = run["codecs"]
    found: dict[str, TrainSet] = {}
    for kind in run["train_sets"]:
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
