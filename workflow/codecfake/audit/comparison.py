"""Compare codecs with bona fide speech, cue by cue, and find codecs with identical clips."""

from itertools import combinations

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.audit.cues import Cues
from codecfake.data import tables
from codecfake.evaluation import metrics
from codecfake.util.constants import IDENTITY

#: Quantiles that limit a range: the tenth left out at each end keeps outliers from widening it.
LOW, HIGH = 0.1, 0.9
#: Names of the numeric cues.
NUMBERS = [name for name, column in Cues.to_schema().columns.items() if column.dtype.type.kind == "f"]


class Ranges(tables.Table):
    """Distribution of one cue of one codec, alone and against bona fide speech. The table of cues describes each."""

    codec: str = pa.Field(description="codec name; identity for bona fide speech")
    cue: str = pa.Field(isin=NUMBERS, description="name of the cue")
    clips: int = pa.Field(gt=0, description="clips that have the cue")
    median: float = pa.Field(description="median over these clips")
    low: float = pa.Field(description="lowest decile over these clips")
    high: float = pa.Field(description="highest decile over these clips")
    pairs: int = pa.Field(ge=0, description="pairs of clip and bona fide recording that have it")
    difference: float = pa.Field(nullable=True, description="median of pairs' differences; without pairs, of medians")
    difference_low: float = pa.Field(nullable=True, description="lowest decile of the difference over pairs")
    difference_high: float = pa.Field(nullable=True, description="highest decile of the difference over pairs")
    auc: float = pa.Field(
        nullable=True,
        in_range=tables.RATE,
        description="probability that a clip exceeds a bona fide one; ties count half",
    )


class Duplicates(tables.Table):
    """Two codecs that have identical clips of some utterances."""

    codec: str = pa.Field(description="first codec")
    other: str = pa.Field(description="second codec")
    utterances: int = pa.Field(gt=0, description="utterances with a clip of both codecs")
    same_samples: int = pa.Field(ge=0, description="those whose decoded samples are identical")
    same_bytes: int = pa.Field(ge=0, description="those whose files are identical")


def ranges(cues: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Summarise the cues of every codec, as `Ranges`; a cue that no clip of a codec has is left out.

    Args:
        cues: `cues.Cues` by codec, including bona fide speech.
    """
    bonafide = cues[IDENTITY].set_index("utterance_id")
    rows = []
    for codec, table in cues.items():
        table = table.set_index("utterance_id")
        partner = bonafide.reindex(table.index)
        rows += [
            {"codec": codec, "cue": cue, **_range(table[cue], partner[cue], bonafide[cue])}
            for cue in NUMBERS
            if table[cue].notna().any()
        ]
    return tables.check(pd.DataFrame(rows, columns=tables.columns(Ranges)), Ranges, "ranges")


def _range(values: pd.Series, partner: pd.Series, bonafide: pd.Series) -> dict:
    """Summarise a cue of clips [N], against their bona fide recordings [N] and against all bona fide speech [M]."""
    difference, values, bonafide = (values - partner).dropna(), values.dropna(), bonafide.dropna()
    (low, high), (from_low, from_high) = _deciles(values), _deciles(difference)
    return {
        "clips": len(values),
        "median": values.median(),
        "low": low,
        "high": high,
        "pairs": len(difference),
        "difference": difference.median() if len(difference) else values.median() - bonafide.median(),
        "difference_low": from_low,
        "difference_high": from_high,
        "auc": metrics.auc(values.to_numpy(), bonafide.to_numpy()) if len(bonafide) else np.nan,
    }


def _deciles(values: pd.Series) -> tuple[float, float]:
    """Return the lowest and highest decile as observed values; for few values, the minimum and maximum."""
    return values.quantile(LOW, interpolation="lower"), values.quantile(HIGH, interpolation="higher")


def duplicates(cues: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Find pairs of codecs, including bona fide speech, with identical clips, as `Duplicates`."""
    samples, files = (_by_codec(cues, column) for column in ("samples_hash", "bytes_hash"))
    rows = []
    for codec, other in combinations(cues, 2):
        same = int((samples[codec] == samples[other]).sum())
        if same:
            rows.append(
                {
                    "codec": codec,
                    "other": other,
                    "utterances": int((samples[codec].notna() & samples[other].notna()).sum()),
                    "same_samples": same,
                    "same_bytes": int((files[codec] == files[other]).sum()),
                }
            )
    return tables.check(pd.DataFrame(rows, columns=tables.columns(Duplicates)), Duplicates, "duplicates")


def _by_codec(cues: dict[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return one column of all codecs, indexed by utterance; missing where a codec has no clip."""
    return pd.DataFrame({codec: table.set_index("utterance_id")[column] for codec, table in cues.items()}, dtype=object)
