"""The audit of a set: cues other than codec artefacts that separate its codecs from bona fide speech."""

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
    """Audit result of each codec and of bona fide speech."""

    codec: str = pa.Field(unique=True, description="codec name; identity for bona fide speech")
    clips: int = pa.Field(gt=0, description="number of clips")
    speakers: int = pa.Field(gt=0, description="number of speakers of these clips")
    container: str = pa.Field(description="container of the most frequent format: WAV, FLAC, ...")
    subtype: str = pa.Field(description="sample format of the most frequent format: PCM_16, FLOAT, ...")
    sample_rate: int = pa.Field(gt=0, description="sample rate of the most frequent format in Hz")
    format_share: float = pa.Field(in_range=tables.RATE, description="share of clips in that format")
    length_law: str = pa.Field(description="law that most lengths obey")
    lawful: int = pa.Field(ge=0, description="number of clips that obey it")
    lawful_share: float = pa.Field(in_range=tables.RATE, description="their share of the clips tested")
    bonafide_lawful_share: float = pa.Field(
        nullable=True, in_range=tables.RATE, description="share of input lengths that are multiples of the law's hop"
    )
    verdict: str = pa.Field(description="cues, strongest first, separated by `; `; empty for bona fide speech")


class Audited(NamedTuple):
    """Tables of an audit: `Audit`, `comparison.Ranges`, `probe.Probe`, `comparison.Duplicates`."""

    table: pd.DataFrame
    ranges: pd.DataFrame
    probe: pd.DataFrame
    duplicates: pd.DataFrame


def require_both(codecs: Iterable[str]) -> None:
    """Refuse a set without bona fide speech or without a codec.

    Raises:
        DataError: the set lacks one of the two.
    """
    codecs = list(codecs)
    if IDENTITY not in codecs or len(codecs) < 2:
        raise DataError(
            f"codecs: {', '.join(codecs)}; an audit needs bona fide speech ({IDENTITY}, genuine) and a codec"
        )


def audit(cues: dict[str, pd.DataFrame], hops: Sequence[int]) -> Audited:
    """Audit a set from its cues.

    Args:
        cues: `cues.Cues` by codec.
        hops: hops whose multiples a codec's lengths may be, in samples at its rate; see `config.hops`.

    Raises:
        DataError: see `require_both`.
    """
    require_both(cues)
    ranges, duplicates, probed = comparison.ranges(cues), comparison.duplicates(cues), probe(cues, hops)
    table = pd.DataFrame([_described(codec, of_codec, cues[IDENTITY], hops) for codec, of_codec in cues.items()])
    table["verdict"] = [
        "" if codec == IDENTITY else verdict(codec, table, ranges, probed, duplicates) for codec in table["codec"]
    ]
    return Audited(tables.check(table, Audit, "audit"), ranges, probed, duplicates)


def _described(codec: str, cues: pd.DataFrame, bonafide: pd.DataFrame, hops: Sequence[int]) -> dict:
    """Return a row of `Audit` without the verdict."""
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
    """Find the law of a codec's lengths from the clips whose input is available, or from all clips if none is."""
    lengths = ["utterance_id", "num_samples", "sample_rate"]
    pairs = cues[lengths].merge(bonafide[lengths], on="utterance_id", suffixes=("", "_bonafide"))
    known = pairs[["num_samples_bonafide", "sample_rate_bonafide", "sample_rate"]].to_numpy().T
    return length_law((pairs if len(pairs) else cues)["num_samples"].to_numpy(), *input_lengths(*known), hops)


def readable(audited: Audited) -> list[tuple[str, ...]]:
    """Return an overview of the audit as rows of text with a heading; a dash marks a missing number."""
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


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    """Return the verdict of an `Audit` on each codec."""
    return {row.codec: row.verdict for row in table.itertuples() if row.codec != IDENTITY}


def verdict_text(table: pd.DataFrame) -> str:
    """Format the verdicts of an `Audit`: each codec's name, followed by one line per finding."""
    found = verdicts(table).items()
    return "\n".join(
        f"{codec}\n" + "".join(f"  {words}\n" for words in verdict.split("; ")) for codec, verdict in found
    )
