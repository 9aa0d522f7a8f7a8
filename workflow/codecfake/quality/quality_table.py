"""How good codecs sound: measures of each utterance against its bona fide, and their means with intervals."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pandera.pandas as pa
from scipy.stats import bootstrap
from tqdm import tqdm

from codecfake import alignment, audio, manifest
from codecfake.bootstrap import CONFIDENCE
from codecfake.errors import DataError
from codecfake.names import IDENTITY
from codecfake.quality import distances, dnsmos, quality, similarity
from codecfake.selection import stable_number
from codecfake.store import Shard, decode_row
from codecfake.threads import spread

#: Hz at which all is measured.
SAMPLE_RATE = 16000
#: Samples that a codec may be late or early (50 ms): what is measured is its sound, not its delay.
MOST_LAG = 800
#: Digits after the point of what is written.
DIGITS = 6
RESAMPLES = 1000


class Quality(manifest.Table):
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


MEASURES = manifest.columns(Quality)[3:]


class QualitySummary(manifest.Table):
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

    class Config(manifest.Table.Config):
        unique: ClassVar = ["codec", "measure"]


def measure(
    codec: str, bonafide: list[Path], shards: list[Path], trials: pd.DataFrame, most: int, workers: int
) -> pd.DataFrame:
    """The quality of eval utterances of a codec, as `Quality`, in order of id.

    Args:
        bonafide, shards: the shards of bona fide speech and of the codec.
        trials: the codec's, as `manifest.Protocol`.
        most: utterances, chosen by their id: the same of every codec.
        workers: utterances measured at a time.

    Raises:
        DataError: there is no eval utterance, or one is in none of the shards.
    """
    chosen = trials[trials["split"] == "eval"]["utterance_id"]
    if chosen.empty:
        raise DataError(f"{codec}: no eval utterance in its protocol; there is nothing to measure")
    chosen = set(sorted(chosen, key=stable_number)[:most])
    dnsmos.model(), similarity.encoder(), quality.has_pesq()  # once, not in every thread
    rows = spread(_measured, _pairs(chosen, bonafide, shards), workers)
    table = pd.DataFrame(tqdm(rows, total=len(chosen), desc=codec, unit="utt", mininterval=5))
    return manifest.check(table.sort_values("utterance_id").round(DIGITS), Quality, codec)


def _pairs(chosen: set[str], bonafide: list[Path], shards: list[Path]) -> Iterator[tuple[dict, dict]]:
    """The rows of utterances in shards of bona fide speech and of a codec, which hold the same ones.

    Raises:
        DataError: an utterance is in none of the shards.
    """
    missing = set(chosen)
    for paths in zip(bonafide, shards, strict=True):
        both = [Shard(path) for path in paths]
        places = [{item["utterance_id"]: row for row, item in enumerate(shard.describe())} for shard in both]
        for utterance in sorted(chosen & places[0].keys() & places[1].keys()):
            missing.discard(utterance)
            yield tuple(shard[place[utterance]] for shard, place in zip(both, places, strict=True))
        for shard in both:
            shard.close()
    if missing:
        raise DataError(f"{shards[0].parent}: utterance {min(missing)!r} is in none of its {len(shards)} shards")


def _measured(pair: tuple[dict, dict]) -> dict:
    """A row of `Quality`, of an utterance's rows in shards of bona fide speech and of a codec."""
    reference, degraded = (audio.resample(*decode_row(row), SAMPLE_RATE) for row in pair)
    _, row = pair
    scores = {f"dnsmos_{scale}": value for scale, value in dnsmos.rate(degraded)._asdict().items()}
    if row["codec_name"] != IDENTITY:
        scores |= _against(reference, degraded)
    named = {"codec": row["codec_name"], "utterance_id": row["utterance_id"], "speaker_id": row["speaker_id"]}
    return named | {name: scores.get(name, math.nan) for name in MEASURES}


def _against(reference: np.ndarray, degraded: np.ndarray) -> dict[str, float]:
    """The measures of an utterance (float32 [N]) against its bona fide (float32 [M])."""
    late = alignment.lag(reference, degraded, MOST_LAG)
    reference, degraded = alignment.aligned(reference, degraded, 0 if math.isnan(late) else round(late))
    return {
        "pesq_wb": quality.pesq_wb(reference, degraded, SAMPLE_RATE),
        "stoi": quality.stoi(reference, degraded, SAMPLE_RATE),
        "mel_distance": distances.mel_distance(reference, degraded),
        "speaker_similarity": similarity.speaker_similarity(reference, degraded),
    }


def summary(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The means of tables of `Quality` put one below the other, as `QualitySummary`; codecs in the order they come."""
    rows = [
        {"codec": codec, "measure": name, **_mean(of_codec.dropna(subset=name), name, seed)}
        for codec, of_codec in table.groupby("codec", sort=False)
        for name in MEASURES
    ]
    return manifest.check(pd.DataFrame(rows).round(DIGITS), QualitySummary, "quality")


def _mean(table: pd.DataFrame, name: str, seed: int) -> dict:
    """Utterances, speakers, and a measure's mean with its percentile interval."""
    speakers = table["speaker_id"].nunique()
    clusters = table.groupby("speaker_id" if speakers > 1 else "utterance_id")[name].agg(["sum", "count"])
    low = high = math.nan
    if len(clusters) > 1:
        low, high = bootstrap(
            (clusters["sum"], clusters["count"]),
            lambda sums, counts, axis: sums.sum(axis=axis) / counts.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    return {"utterances": len(table), "speakers": speakers, "mean": table[name].mean(), "low": low, "high": high}
