"""Is our resynthesis the published one? Two released sets compared, utterance by utterance."""

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

#: Seconds that ours may be late or early.
MOST_LAG = 0.05
#: Digits of a lag: a whole number of samples is then taken out without a filter.
LAG_DIGITS = 3
#: Digits after the point of what is written.
DIGITS = 6
#: What is compared, with its unit, in the order of the table. Ours is first brought to the published file's rate, and
#: from `gain` on put in time with it; its level stays.
MEASURES = {
    "same": "1 if every sample is the same",
    "rate_equal": "1 if the sample rate is the same",
    "length_equal": "1 if the number of samples is the same",
    "length_difference": "samples, ours less the published",
    "lag": "samples; above 0, ours is later",
    "gain": "RMS of ours over that of the published",
    "si_sdr": "dB, -100 to 100; the published is the reference",
    "pesq_wb": "MOS-LQO, 1.0 to 4.64",
    "stoi": "at most 1",
    "mel_distance": "of log10 mel spectra at 16 kHz; 0.05 is 1 dB",
    "stft_distance": "spectral convergence and log magnitude, three scales",
}


class Fidelity(tables.Table):
    """How near our resynthesis is to the published one, over utterances that are in both."""

    codec: str = pa.Field(description="as both sets call it; identity for bona fide")
    measure: str = pa.Field(isin=[*MEASURES], description="see `MEASURES`")
    utterances: int = pa.Field(ge=0, description="how many have it")
    mean: float = pa.Field(nullable=True, description="over them; a share, of what is 0 or 1; empty of none")
    least: float = pa.Field(nullable=True, description="of one utterance")
    most: float = pa.Field(nullable=True, description="of one utterance")

    class Config(tables.Table.Config):
        unique: ClassVar = ["codec", "measure"]


def compare(ours: ReleasedSet, published: ReleasedSet, codecs: list[str], most: int, workers: int) -> pd.DataFrame:
    """Compare two sets, as `Fidelity`.

    Args:
        codecs: names of those to compare; empty: all that both sets have.
        most: utterances of a codec, chosen by their id.
        workers: utterances compared at a time.

    Raises:
        DataError: a codec is not in both sets, none is, or no utterance of one is.
    """
    codecs = codecs or [codec for codec in published.codecs if codec in ours.codecs]
    if not codecs:
        raise DataError(
            f"no codec is in both: {ours.path} has {', '.join(ours.codecs)}; "
            f"{published.path} has {', '.join(published.codecs)}"
        )
    pairs = {codec: _pairs(ours, published, codec)[:most] for codec in codecs}
    intelligibility.has_pesq()  # once, not in every thread
    measured = {codec: _compared(codec, pairs[codec], workers) for codec in codecs}
    rows = [
        {"codec": codec, "measure": name, **_told(table[name])}
        for codec, table in measured.items()
        for name in MEASURES
    ]
    return tables.check(pd.DataFrame(rows).round(DIGITS), Fidelity, "fidelity")


def _pairs(ours: ReleasedSet, published: ReleasedSet, codec: str) -> list[tuple[Clip, Clip]]:
    """Our and the published clip of each utterance in both, in the order in which they are chosen."""
    theirs = {clip.utterance_id: clip for clip in published.clips(codec)}
    both = [(clip, theirs[clip.utterance_id]) for clip in ours.clips(codec) if clip.utterance_id in theirs]
    if not both:
        raise DataError(
            f"{codec}: no utterance is in both: {ours.path} has {ours.clips(codec)[0].utterance_id!r} and others, "
            f"{published.path} has {published.clips(codec)[0].utterance_id!r} and others"
        )
    return sorted(both, key=lambda pair: stable_number(pair[0].utterance_id))


def _compared(codec: str, pairs: list[tuple[Clip, Clip]], workers: int) -> pd.DataFrame:
    """Each pair's measures, a row each."""
    return pd.DataFrame(tqdm(spread(_decoded_and_compared, pairs, workers), total=len(pairs), desc=codec, disable=None))


def _decoded_and_compared(pair: tuple[Clip, Clip]) -> dict[str, float]:
    (ours, our_rate), (published, rate) = (audio.decode(clip.read(), clip.name) for clip in pair)
    return compared(ours, our_rate, published, rate)


def compared(ours: np.ndarray, our_rate: int, published: np.ndarray, sample_rate: int) -> dict[str, float]:
    """The `MEASURES` of our (float32 [N]) and the published samples (float32 [M]) of an utterance."""
    ours = audio.resample(ours, our_rate, sample_rate)
    lag = round(alignment.lag(published, ours, round(MOST_LAG * sample_rate)), LAG_DIGITS) + 0.0  # no -0.0
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


def _told(values: pd.Series) -> dict:
    defined = values.dropna()
    return {"utterances": len(defined), "mean": defined.mean(), "least": defined.min(), "most": defined.max()}


def readable(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Rows of strings to print, one a codec: mean [least, most]; the mean alone, if all are; a dash, if none has it."""
    cells = {(row.codec, row.measure): _cell(row) for row in table.itertuples()}
    counts = table.groupby("codec", sort=False)["utterances"].max()
    head = ("codec", "utterances", *MEASURES)
    return [head, *((codec, str(n), *(cells[codec, name] for name in MEASURES)) for codec, n in counts.items())]


def _cell(row) -> str:
    if not row.utterances:
        return "-"
    mean, least, most = (f"{value:.3g}" for value in (row.mean, row.least, row.most))
    return mean if least == most else f"{mean} [{least}, {most}]"
