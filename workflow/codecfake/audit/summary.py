"""The audit of a set: what tells its codecs from bona fide speech besides what a codec does to speech."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa

from codecfake.audit import comparison
from codecfake.audit.lengths import Law, input_lengths, length_law
from codecfake.audit.probe import ALL, probe
from codecfake.audit.verdicts import verdict
from codecfake.data import tables
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError


class Audit(tables.Table):
    """What is found of each codec, and of bona fide speech."""

    codec: str = pa.Field(unique=True, description="identity for bona fide speech")
    clips: int = pa.Field(gt=0, description="how many")
    speakers: int = pa.Field(gt=0, description="of these clips")
    container: str = pa.Field(description="WAV, FLAC, ...: of the most usual format")
    subtype: str = pa.Field(description="PCM_16, FLOAT, ...: the same")
    sample_rate: int = pa.Field(gt=0, description="Hz: the same")
    format_share: float = pa.Field(in_range=tables.RATE, description="of the clips, in that format")
    length_law: str = pa.Field(description="what most lengths obey, see `lengths.Law`")
    lawful: int = pa.Field(ge=0, description="how many clips obey it")
    lawful_share: float = pa.Field(in_range=tables.RATE, description="of how many it could be told of")
    bonafide_lawful_share: float = pa.Field(
        nullable=True, in_range=tables.RATE, description="of the inputs, such a multiple as they are"
    )
    verdict: str = pa.Field(description="which cues, strongest first, parted by `; `; empty for bona fide speech")


class Audited(NamedTuple):
    """An audit's tables: `Audit`, `comparison.Ranges`, `probe.Probe`, `comparison.Duplicates`."""

    table: pd.DataFrame
    ranges: pd.DataFrame
    probe: pd.DataFrame
    duplicates: pd.DataFrame


def require_both(codecs: Iterable[str]) -> None:
    """Refuse a set that has nothing to be set against.

    Raises:
        DataError: it has no bona fide speech, or nothing but that.
    """
    codecs = list(codecs)
    if IDENTITY not in codecs or len(codecs) < 2:
        raise DataError(
            f"codecs: {', '.join(codecs)}; an audit needs bona fide speech ({IDENTITY}, genuine) and a codec"
        )


def audit(cues: dict[str, pd.DataFrame], seed: int, hops: Sequence[int]) -> Audited:
    """Everything that the cues of a set tell.

    Args:
        cues: `cues.Cues` by codec.
        seed: of the probe's intervals.
        hops: of which a codec's lengths may be multiples, in samples at its rate; see `config.hops`.

    Raises:
        DataError: see `require_both`.
    """
    require_both(cues)
    ranges, duplicates, probed = comparison.ranges(cues), comparison.duplicates(cues), probe(cues, seed, hops)
    table = pd.DataFrame([_described(codec, of_codec, cues[IDENTITY], hops) for codec, of_codec in cues.items()])
    table["verdict"] = [
        "" if codec == IDENTITY else verdict(codec, table, ranges, probed, duplicates) for codec in table["codec"]
    ]
    return Audited(tables.check(table, Audit, "audit"), ranges, probed, duplicates)


def _described(codec: str, cues: pd.DataFrame, bonafide: pd.DataFrame, hops: Sequence[int]) -> dict:
    """A row of `Audit`, but for the verdict."""
    formats = cues.value_counts(["container", "subtype", "sample_rate"])
    law = _length_law(cues, bonafide, hops)
    return {
        "codec": codec,
        "clips": len(cues),
        "speakers": cues["speaker_id"].nunique(),
        **dict(zip(formats.index.names, formats.index[0], strict=True)),
        "format_share": formats.iloc[0] / len(cues),
        "length_law": law.name,
        "lawful": law.obeying,
        "lawful_share": law.obeying / law.clips,
        "bonafide_lawful_share": law.bonafide_share,
    }


def _length_law(cues: pd.DataFrame, bonafide: pd.DataFrame, hops: Sequence[int]) -> Law:
    """The law of a codec's lengths, by the clips whose input is at hand, or, if there is none, by all."""
    lengths = ["utterance_id", "num_samples", "sample_rate"]
    pairs = cues[lengths].merge(bonafide[lengths], on="utterance_id", suffixes=("", "_bonafide"))
    known = pairs[["num_samples_bonafide", "sample_rate_bonafide", "sample_rate"]].to_numpy().T
    return length_law((pairs if len(pairs) else cues)["num_samples"].to_numpy(), *input_lengths(*known), hops)


def readable(audited: Audited) -> list[tuple[str, ...]]:
    """The audit in short, as rows of text with a heading; a dash where there is no number."""
    medians = audited.ranges.pivot(index="codec", columns="cue", values="median")
    probe = audited.probe[audited.probe["group"] == ALL].set_index("codec")["eer"]

    def number(value: float) -> str:
        return f"{value:z.1f}" if pd.notna(value) else "-"

    rows = [("codec", "clips", "format", "Hz", "length", "delay", "gain (dB)", "probe's EER (%)")]
    for row in audited.table.itertuples():
        measured = (medians.get(cue, {}).get(row.codec) for cue in ("delay", "gain_db"))
        figures = (*measured, 100 * probe.get(row.codec, np.nan))
        law = row.length_law + (f" ({row.lawful_share:.0%})" if row.lawful_share < 1 else "")
        rows.append((row.codec, str(row.clips), row.subtype, str(row.sample_rate), law, *map(number, figures)))
    return rows


def verdict_text(table: pd.DataFrame) -> str:
    """The verdicts of an `Audit`, a line each below the name of its codec."""
    codecs = table[table["codec"] != IDENTITY].itertuples()
    return "\n".join(f"{row.codec}\n" + "".join(f"  {words}\n" for words in row.verdict.split("; ")) for row in codecs)
