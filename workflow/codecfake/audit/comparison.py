"""Codecs set against bona fide speech, cue by cue, and against each other: what differs, and what is the same."""

from itertools import combinations

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.audit.cues import SHARE, Cues
from codecfake.data import tables
from codecfake.evaluation import metrics
from codecfake.util.constants import IDENTITY

#: A range leaves out a tenth at both ends: a few odd clips do not widen it.
LOW, HIGH = 0.1, 0.9
#: The cues that are numbers to be compared.
NUMBERS = [name for name, column in Cues.to_schema().columns.items() if column.dtype.type.kind == "f"]


class Ranges(tables.Table):
    """One cue of one codec, by itself and against bona fide speech. Cues are described in `cues.Cues`."""

    codec: str = pa.Field(description="identity for bona fide speech")
    cue: str = pa.Field(isin=NUMBERS, description="a column of the codec's cues")
    clips: int = pa.Field(gt=0, description="that have it")
    median: float = pa.Field(description="over these")
    low: float = pa.Field(description="their lowest decile")
    high: float = pa.Field(description="their highest")
    pairs: int = pa.Field(ge=0, description="of clip and bona fide recording that both have it")
    difference: float = pa.Field(nullable=True, description="from bona fide: median over pairs, else of the medians")
    difference_low: float = pa.Field(nullable=True, description="its lowest decile over pairs")
    difference_high: float = pa.Field(nullable=True, description="its highest")
    auc: float = pa.Field(
        nullable=True, in_range=SHARE, description="how often a clip has more than a bona fide one; half if they tie"
    )


class Duplicates(tables.Table):
    """Two codecs that have clips of the same utterance in common."""

    codec: str = pa.Field(description="one of them")
    other: str = pa.Field(description="the other")
    utterances: int = pa.Field(gt=0, description="of which both have a clip")
    same_samples: int = pa.Field(ge=0, description="of these, how many are the same once decoded")
    same_bytes: int = pa.Field(ge=0, description="how many are the same file")


def ranges(cues: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What every codec's cues come to, as `Ranges`; a cue that no clip of a codec has is left out.

    Args:
        cues: `cues.Cues` by codec, bona fide speech among them.
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
    """A cue's range over clips [N], from their bona fide recordings [N] and from all of these [M]."""
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
    """The lowest and highest decile, values that are there: of few, the least and the largest."""
    return values.quantile(LOW, interpolation="lower"), values.quantile(HIGH, interpolation="higher")


def duplicates(cues: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Codecs, bona fide speech among them, with the same clips, as `Duplicates`."""
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
    """A column of every codec side by side, by utterance; nothing where a codec has no clip."""
    return pd.DataFrame({codec: table.set_index("utterance_id")[column] for codec, table in cues.items()}, dtype=object)
