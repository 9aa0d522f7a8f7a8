"""How well detectors generalise from the codecs of their training set to others: the matrix in four numbers."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from codecfake.trials.train_sets import without
from codecfake.util.constants import POOLED


def rows_of(run: dict) -> dict[str, Callable[[str], str]]:
    """Return, for each kind of training, the function that maps a codec to the row to evaluate on it."""
    return {
        "trained on it": lambda codec: codec,
        "pooled": lambda codec: POOLED,
        "leave-one-family-out": lambda codec: without(run["codec_entries"][codec]["family"]),
    }


class Generalisation(NamedTuple):
    """Mean EERs (fractions) over the codecs of a run; NaN if the run has no such detector.

    Attributes:
        in_domain: detectors trained on one codec, evaluated on it (the diagonal of the matrix).
        cross_codec: the same detectors, evaluated on the other codecs.
        pooled: the detector trained on all codecs.
        leave_one_family_out: detectors trained on all families but that of the codec.
    """

    in_domain: float
    cross_codec: float
    pooled: float
    leave_one_family_out: float


def summarise(eer: pd.DataFrame, run: dict) -> Generalisation:
    """Summarise the matrix of EERs (fractions; see `matrix.eer_matrix`) of a resolved run."""
    codecs = run["codecs"]

    def mean(cells: Iterable[tuple[str, str]]) -> float:
        found = [eer.at[row, column] for row, column in cells if row in eer.index]
        return float(np.mean(found)) if found else float("nan")

    in_domain, pooled, left_out = (mean((row(codec), codec) for codec in codecs) for row in rows_of(run).values())
    cross_codec = mean((row, column) for row in codecs for column in codecs if row != column)
    return Generalisation(in_domain, cross_codec, pooled, left_out)


def sentence(summary: Generalisation) -> str:
    """Put a summary into words; empty if the run has none of its detectors."""
    words = {
        "of detectors trained on it": summary.in_domain,
        "of detectors trained on another codec": summary.cross_codec,
        "of the detector trained on all codecs": summary.pooled,
        "of detectors trained on all codec families but its own": summary.leave_one_family_out,
    }
    known = [f"{100 * eer:.1f} % {whose}" for whose, eer in words.items() if not np.isnan(eer)]
    return f"Mean EER on a codec: {', '.join(known)}." if known else ""
