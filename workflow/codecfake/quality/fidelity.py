"""Compare our resynthesis with the published one, utterance by utterance."""

import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pandera.pandas as pa
from tqdm import tqdm

from codecfake.audio import alignment, distances, intelligibility
from codecfake.audio import io as audio
from codecfake.corpora.released import Clip, ReleasedSet
from codecfake.data import tables
from codecfake.runtime.threads import spread
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number

#: Maximum delay or advance of our clip in seconds.
MOST_LAG = 0.05
#: Decimals of a lag: one that is nearly an integer becomes an integer, so that alignment needs no filter.
LAG_DIGITS = 3
#: Measures and their units, in the order of the table. Our clip is first resampled to the published file's rate and,
#: from `gain` on, aligned with it; its level is kept.
MEASURES = {
    "same": "1 if all samples are equal",
    "rate_equal": "1 if the sample rates are equal",
    "length_equal": "1 if the numbers of samples are equal",
    "length_difference": "samples, our length minus the published one",
    "lag": "samples; positive if ours is later",
    "gain": "RMS of ours over RMS of the published clip",
    "si_sdr": "dB, -100 to 100; the published clip is the reference",
    "pesq_wb": "MOS-LQO, 1.0 to 4.64",
    "stoi": "at most 1",
    "mel_distance": "difference of log10 mel spectra at 16 kHz; 0.05 is 1 dB",
    "stft_distance": "spectral convergence plus log magnitude distance, mean of three scales",
}


class Fidelity(tables.Table):
    """Similarity of our resynthesis to the published one, over utterances in both sets."""

    codec: str = pa.Field(description="codec name in both sets; identity for bona fide")
    measure: str = pa.Field(isin=[*MEASURES], description="name of the measure")
    utterances: int = pa.Field(ge=0, description="utterances for which the measure is defined")
    mean: float = pa.Field(nullable=True, description="over these utterances; a share for 0/1 measures; empty if none")
    least: float = pa.Field(nullable=True, description="minimum over these utterances")
    most: float = pa.Field(nullable=True, description="maximum over these utterances")

    class Config(tables.Table.Config):
        unique: ClassVar = ["codec", "measure"]


def compare(ours: ReleasedSet, published: ReleasedSet, codecs: list[str], most: int, workers: int) -> pd.DataFrame:
    """Compare two released sets, as `Fidelity`.

    Args:
        codecs: names of the codecs to compare; empty for all codecs in both sets.
        most: maximum number of utterances per codec, chosen by a hash of the id.
        workers: number of utterances compared at a time.

    Raises:
        DataError: a codec is not in both sets, no codec is, or a codec has no utterance in both.
    """
    codecs = codecs or [codec for codec in published.codecs if codec in ours.codecs]
    if not codecs:
        raise DataError(
            f"no codec is in both: {ours.path} has {', '.join(ours.codecs)}; "
            f"{published.path} has {', '.join(published.codecs)}"
        )
    pairs = {codec: _pairs(ours, published, codec)[:most] for codec in codecs}
    intelligibility.has_pesq()  # print its note once, not in every thread
    measured = {codec: _compared(codec, pairs[codec], workers) for codec in codecs}
    rows = [
        {"codec": codec, "measure": name, **_statistics(table[name])}
        for codec, table in measured.items()
        for name in MEASURES
    ]
    return tables.check(pd.DataFrame(rows).round(tables.DIGITS), Fidelity, "fidelity")


def _pairs(ours: ReleasedSet, published: ReleasedSet, codec: str) -> list[tuple[Clip, Clip]]:
    """Pair our clip with the published clip of each utterance in both sets, in order of selection."""
    theirs = {clip.utterance_id: clip for clip in published.clips(codec)}
    both = [(clip, theirs[clip.utterance_id]) for clip in ours.clips(codec) if clip.utterance_id in theirs]
    if not both:
        raise DataError(
            f"{codec}: no utterance is in both: {ours.path} has {ours.clips(codec)[0].utterance_id!r} and others, "
            f"{published.path} has {published.clips(codec)[0].utterance_id!r} and others"
        )
    return sorted(both, key=lambda pair: stable_number(pair[0].utterance_id))


def _compared(codec: str, pairs: list[tuple[Clip, Clip]], workers: int) -> pd.DataFrame:
    """Measure each pair, one row per pair."""
    return pd.DataFrame(tqdm(spread(_decoded_and_compared, pairs, workers), total=len(pairs), desc=codec, disable=None))


def _decoded_and_compared(pair: tuple[Clip, Clip]) -> dict[str, float]:
    (ours, our_rate), (published, rate) = (audio.decode(clip.read(), clip.name) for clip in pair)
    return compared(ours, our_rate, published, rate)


def compared(ours: np.ndarray, our_rate: int, published: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Return the `MEASURES` of our samples (float32 [N]) against the published ones (float32 [M]) of an utterance."""
    ours = audio.resample(ours, our_rate, sample_rate)
    lag = round(alignment.lag(published, ours, round(MOST_LAG * sample_rate)), LAG_DIGITS) + 0.0  # turns -0.0 into 0.0
    in_time = alignment.aligned(published, ours, 0.0 if math.isnan(lag) else lag)
    at_16k = [audio.resample(samples, sample_rate, distances.MEL_SAMPLE_RATE) for samples in in_time]
    return {
        "same": float(our_rate == sample_rate and np.array_equal(ours, published)),
        "rate_equal": float(our_rate == sample_rate),
        "length_equal": float(len(ours) == len(published)),
        "length_difference": float(len(ours) - len(published)),
        "lag": lag,
        "gain": alignment.likeness(*in_time).gain,
        "si_sdr": distances.si_sdr(*in_time),
        "pesq_wb": intelligibility.pesq_wb(*in_time, sample_rate),
        "stoi": intelligibility.stoi(*in_time, sample_rate),
        "mel_distance": distances.mel_distance(*at_16k),
        "stft_distance": distances.stft_distance(*in_time),
    }


def _statistics(values: pd.Series) -> dict:
    defined = values.dropna()
    return {"utterances": len(defined), "mean": defined.mean(), "least": defined.min(), "most": defined.max()}


def readable(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return printable rows, one per codec: mean [minimum, maximum]; the mean if all are equal; a dash if none."""
    cells = {(row.codec, row.measure): _cell(row) for row in table.itertuples()}
    counts = table.groupby("codec", sort=False)["utterances"].max()
    head = ("codec", "utterances", *MEASURES)
    return [head, *((codec, str(n), *(cells[codec, name] for name in MEASURES)) for codec, n in counts.items())]


def _cell(row) -> str:
    if not row.utterances:
        return "-"
    mean, least, most = (f"{value:.3g}" for value in (row.mean, row.least, row.most))
    return mean if least == most else f"{mean} [{least}, {most}]"
