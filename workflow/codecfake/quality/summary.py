"""The quality of codecs: the table of each utterance's measures, and their means with intervals."""

import math
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa

from codecfake.data import tables
from codecfake.evaluation import bootstrap

#: Digits after the point of what is written.
DIGITS = 6


class Quality(tables.Table):
    """The quality of each utterance of a codec, delay taken out; empty where a measure is undefined."""

    codec: str = pa.Field(description="codec name; identity for bona fide, which is measured alone")
    utterance_id: str = pa.Field(unique=True, description="as in Protocol")
    speaker_id: str = pa.Field(description="as in Protocol")
    pesq_wb: float = pa.Field(nullable=True, description="PESQ, wideband, MOS-LQO 1.0 to 4.64; empty without pesq")
    stoi: float = pa.Field(nullable=True, description="short-time objective intelligibility, at most 1")
    mel_distance: float = pa.Field(nullable=True, description="of log10 mel spectra; 0.05 is 1 dB")
    speaker_similarity: float = pa.Field(nullable=True, description="cosine of Resemblyzer's embeddings, 0 to 1")
    dnsmos_ovrl: float = pa.Field(nullable=True, description="DNSMOS P.835, overall, 1 to 5; without a reference")
    dnsmos_sig: float = pa.Field(nullable=True, description="the same, of the speech alone")
    dnsmos_bak: float = pa.Field(nullable=True, description="the same, of the background alone")


MEASURES = tables.columns(Quality)[3:]


class QualitySummary(tables.Table):
    """The mean of each measure of each codec; empty where no utterance has it."""

    codec: str = pa.Field(description="as in Quality")
    measure: str = pa.Field(isin=MEASURES, description="a column of Quality")
    utterances: int = pa.Field(ge=0, description="how many have it")
    speakers: int = pa.Field(ge=0, description="of these utterances")
    mean: float = pa.Field(nullable=True, description="over them")
    low: float = pa.Field(
        nullable=True,
        description="95 % interval, by resampling speakers; utterances, if there is one speaker; empty of one",
    )
    high: float = pa.Field(nullable=True, description="the same, its upper end")

    class Config(tables.Table.Config):
        unique: ClassVar = ["codec", "measure"]


def summary(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The means of tables of `Quality` put one below the other, as `QualitySummary`; codecs in the order they come."""
    rows = [
        {"codec": codec, "measure": name, **_mean(of_codec.dropna(subset=name), name, seed)}
        for codec, of_codec in table.groupby("codec", sort=False)
        for name in MEASURES
    ]
    return tables.check(pd.DataFrame(rows).round(DIGITS), QualitySummary, "quality")


def _mean(table: pd.DataFrame, name: str, seed: int) -> dict:
    """Utterances, speakers, and a measure's mean with its percentile interval."""
    speakers = table["speaker_id"].nunique()
    clusters = table.groupby("speaker_id" if speakers > 1 else "utterance_id")[name].agg(["sum", "count"])
    low = high = math.nan
    if len(clusters) > 1:
        drawn = bootstrap.resampled(len(clusters), seed)
        low, high = bootstrap.interval((drawn @ clusters["sum"]) / (drawn @ clusters["count"]))
    return {"utterances": len(table), "speakers": speakers, "mean": table[name].mean(), "low": low, "high": high}
