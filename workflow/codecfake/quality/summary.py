"""Quality of codecs: the table of measures per utterance, and their means with confidence intervals."""

import math
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa

from codecfake.data import tables
from codecfake.evaluation import bootstrap


class Quality(tables.Table):
    """Quality of each utterance of a codec after its delay is removed; empty where a measure is undefined."""

    codec: str = pa.Field(description="codec name; identity for bona fide, which has DNSMOS only")
    utterance_id: str = pa.Field(unique=True, description="as in Protocol")
    speaker_id: str = pa.Field(description="as in Protocol")
    pesq_wb: float = pa.Field(nullable=True, description="wideband PESQ, MOS-LQO 1.0 to 4.64; empty without pesq")
    stoi: float = pa.Field(nullable=True, description="short-time objective intelligibility, at most 1")
    mel_distance: float = pa.Field(nullable=True, description="difference of log10 mel spectra; 0.05 is 1 dB")
    speaker_similarity: float = pa.Field(nullable=True, description="cosine of Resemblyzer embeddings, 0 to 1")
    dnsmos_ovrl: float = pa.Field(nullable=True, description="DNSMOS P.835 overall quality, 1 to 5; no reference")
    dnsmos_sig: float = pa.Field(nullable=True, description="DNSMOS P.835 of the speech signal, 1 to 5")
    dnsmos_bak: float = pa.Field(nullable=True, description="DNSMOS P.835 of the background, 1 to 5")


MEASURES = tables.columns(Quality)[3:]


class QualitySummary(tables.Table):
    """Mean of each measure of each codec; empty where no utterance has the measure."""

    codec: str = pa.Field(description="as in Quality")
    measure: str = pa.Field(isin=MEASURES, description="a column of Quality")
    utterances: int = pa.Field(ge=0, description="utterances that have the measure")
    speakers: int = pa.Field(ge=0, description="speakers of these utterances")
    mean: float = pa.Field(nullable=True, description="mean over these utterances")
    low: float = pa.Field(
        nullable=True,
        description="lower end of the 95 % interval, by resampling speakers, or utterances of a single speaker",
    )
    high: float = pa.Field(nullable=True, description="upper end of the interval; both are empty for one utterance")

    class Config(tables.Table.Config):
        unique: ClassVar = ["codec", "measure"]


def summary(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Average concatenated tables of `Quality` as `QualitySummary`, keeping the order of codecs."""
    rows = [
        {"codec": codec, "measure": name, **_mean(of_codec.dropna(subset=name), name, seed)}
        for codec, of_codec in table.groupby("codec", sort=False)
        for name in MEASURES
    ]
    return tables.check(pd.DataFrame(rows).round(tables.DIGITS), QualitySummary, "quality")


def _mean(table: pd.DataFrame, name: str, seed: int) -> dict:
    """Return the numbers of utterances and speakers, and a measure's mean with its percentile interval."""
    speakers = table["speaker_id"].nunique()
    clusters = table.groupby("speaker_id" if speakers > 1 else "utterance_id")[name].agg(["sum", "count"])
    low = high = math.nan
    if len(clusters) > 1:
        drawn = bootstrap.resampled(len(clusters), seed)
        low, high = bootstrap.interval((drawn @ clusters["sum"]) / (drawn @ clusters["count"]))
    return {"utterances": len(table), "speakers": speakers, "mean": table[name].mean(), "low": low, "high": high}
