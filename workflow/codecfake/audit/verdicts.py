"""Verdicts: per codec, in words, which cues give it away and how much, strongest first.

How strong a cue is, is how often it alone ranks a clip of the codec and a bona fide one the same way round: 0 if it is
of no use, 1 if it never fails. Of equal ones that comes first which exceeds its threshold most.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from codecfake.audit.lengths import AS_THE_INPUT
from codecfake.audit.probe import ALL, GROUPS
from codecfake.util.constants import IDENTITY

#: With fewer utterances, how many is said.
FEW = 10
#: Strength of what is only known to hold for eight of ten clips: between the deciles.
NEARLY_ALWAYS = 0.8
#: A law of length is a cue if so many more clips obey it than bona fide ones: fewer could be chance.
LEAST_SHARE = 0.1
CHANCE = 0.5
#: Peaks within this much of full scale were set there, if those of bona fide speech are spread wider than `FREE_PEAK`.
FIXED_PEAK, FREE_PEAK = 0.01, 0.05
#: Delays in samples at 16 kHz. One that spreads over less than `STEADY` is fixed, and a cue from `FIXED_DELAY` on: by
#: less, phases that a codec gets wrong shift the correlation. Of others, only what no wrong phase explains: 1 ms.
STEADY, FIXED_DELAY, LOOSE_DELAY = 4, 2, 16


class Finding(NamedTuple):
    """A cue that gives a codec away.

    Attributes:
        strength: 0 to 1, see above.
        size: the difference from bona fide speech over the threshold; infinite for what has no degree.
    """

    words: str
    strength: float
    size: float = np.inf


class Number(NamedTuple):
    """A cue told as a difference from bona fide speech, if it is at least `least`.

    Attributes:
        words: the difference in words, a format.
        paired: the cue that has it from pairs, where there are some; by this one a clip is told alone.
    """

    cue: str
    least: float
    words: str
    paired: str = ""


NUMBERS = (
    # what the published codecs are off by without having changed the level
    Number("level_dbfs", 1.0, "level: {} dB", "gain_db"),
    # 16 steps of 16-bit PCM; recordings and codecs alike stay below
    Number("dc", 0.0005, "DC: {} of full scale"),
    Number("clipped_share", 0.001, "clipping: {} of the samples"),
    # five frames: by less, a codec's noise moves where speech seems to begin
    Number("leading_silence_s", 0.05, "leading silence: {} s"),
    Number("trailing_silence_s", 0.05, "trailing silence: {} s"),
    # eight bins of the spectrum
    Number("bandwidth_at_16k_hz", 250, "bandwidth up to 8 kHz: {} Hz"),
    # half the power
    Number("above_7khz_db", 3.0, "power from 7 to 8 kHz: {} dB"),
    # an even lowest bit is one that something scaled or cleared
    Number("odd_share", 0.05, "odd 16-bit samples: {} of them"),
)
#: What the format says already, unless it is the same.
ON_GRID = Number("on_grid_share", 0.5, "samples on the 16-bit grid: {} of them")


def verdict(
    codec: str, table: pd.DataFrame, ranges: pd.DataFrame, probe: pd.DataFrame, duplicates: pd.DataFrame
) -> str:
    """The verdict on a codec, parted by `; `.

    Args:
        table: as `audit.Audit` describes it, but for the verdicts.
        ranges, duplicates: `comparison.Ranges` and `comparison.Duplicates`.
        probe: `probe.Probe`.
    """
    described = table.set_index("codec")
    row, bonafide = described.loc[codec], described.loc[IDENTITY]
    own, free = (ranges[ranges["codec"] == name].set_index("cue") for name in (codec, IDENTITY))
    numbers = [*NUMBERS, *([ON_GRID] if row["subtype"] == bonafide["subtype"] else [])]
    found = [*_identities(codec, duplicates), *_format(row, bonafide), *_length(row), *_peak(own, free), *_in_time(own)]
    found += [finding for number in numbers for finding in _number(number, own)]
    found.sort(key=lambda finding: (-finding.strength, -finding.size))
    words = [finding.words for finding in found] or ["no single cue stands out"]
    if row["clips"] < FEW:
        words.append(f"only {row['clips']} utterance{'s' if row['clips'] > 1 else ''}")
    return "; ".join([*words, _probe(probe[probe["codec"] == codec])])


def _identities(codec: str, duplicates: pd.DataFrame) -> Iterator[Finding]:
    for row in duplicates[(duplicates["codec"] == codec) | (duplicates["other"] == codec)].itertuples():
        other = row.other if codec == row.codec else row.codec
        how = "" if row.same_bytes == row.same_samples else " once decoded"
        part = "" if row.same_samples == row.utterances else f" in {row.same_samples} of {row.utterances}"
        yield Finding(f"identical to {other}{how}{part}", row.same_samples / row.utterances)


def _format(codec: pd.Series, bonafide: pd.Series) -> Iterator[Finding]:
    kinds = {"container": "", "subtype": "", "sample_rate": " Hz"}
    differ = [
        f"{codec[kind]}{unit} where bona fide is {bonafide[kind]}{unit}"
        for kind, unit in kinds.items()
        if codec[kind] != bonafide[kind]
    ]
    if differ:
        yield Finding(f"format: {', '.join(differ)}", codec["format_share"])


def _length(codec: pd.Series) -> Iterator[Finding]:
    law, lawful, chance = codec["length_law"], codec["lawful_share"], codec["bonafide_lawful_share"]
    if law == AS_THE_INPUT:
        if lawful <= 1 - LEAST_SHARE:
            yield Finding(f"length: {law} in {_percent(lawful)} only", 1 - lawful)
        return
    often = "always" if lawful == 1 else f"in {_percent(lawful)}"
    if np.isnan(chance):
        if lawful >= 1 - LEAST_SHARE:
            yield Finding(f"length: {law}, {often}", lawful)
    elif lawful - chance >= LEAST_SHARE:
        yield Finding(f"length: {law}, {often} (bona fide {_percent(chance)})", lawful - chance)


def _number(number: Number, own: pd.DataFrame) -> Iterator[Finding]:
    row = own.loc[number.paired if number.paired in own.index else number.cue]
    if abs(row["difference"]) < number.least:
        return
    words = number.words.format(f"{row['difference']:+.2g}") + " against bona fide"
    if row["difference_high"] - row["difference_low"] > number.least:
        words += f" ({row['difference_low']:+.2g} to {row['difference_high']:+.2g})"
    yield Finding(words, _strength(own.loc[number.cue]), abs(row["difference"]) / number.least)


def _strength(row: pd.Series) -> float:
    return abs(2 * row["auc"] - 1)


def _peak(own: pd.DataFrame, free: pd.DataFrame) -> Iterator[Finding]:
    row, other = own.loc["peak"], free.loc["peak"]
    spread = other["high"] - other["low"]
    if row["high"] - row["low"] <= FIXED_PEAK and spread > FREE_PEAK:
        words = f"peak: nearly always {row['median']:.2f}, bona fide {other['low']:.2f} to {other['high']:.2f}"
        yield Finding(words, NEARLY_ALWAYS, spread / FREE_PEAK)


def _in_time(own: pd.DataFrame) -> Iterator[Finding]:
    """Delay and polarity, which only the bona fide recording tells."""
    if "delay" not in own.index:
        return
    delay = own.loc["delay"]
    if delay["high"] - delay["low"] <= STEADY:
        if abs(delay["median"]) >= FIXED_DELAY:
            words = f"delay: {delay['median']:+.1f} samples at 16 kHz"
            yield Finding(words, _strength(delay), abs(delay["median"]) / FIXED_DELAY)
    elif max(delay["high"], -delay["low"]) >= LOOSE_DELAY:
        words = f"delay: {delay['low']:+.1f} to {delay['high']:+.1f} samples at 16 kHz, median {delay['median']:+.1f}"
        yield Finding(words, _strength(delay), abs(delay["median"]) / LOOSE_DELAY)
    if "correlation" in own.index and own.loc["correlation", "high"] < 0:
        yield Finding("polarity: inverted", NEARLY_ALWAYS)


def _probe(probe: pd.DataFrame) -> str:
    rows = probe.set_index("group")
    whole, groups = rows.loc[ALL], rows.loc[list(GROUPS)]
    if whole["remark"]:
        return f"no probe ({whole['remark']})"
    words = f"probe: EER {_percent(whole['eer'])} ({_percent(whole['eer_low'])} to {_percent(whole['eer_high'])})"
    if whole["eer_high"] >= CHANCE:
        return f"{words}, which may be chance"
    best = groups["eer"].idxmin()
    return f"{words}, by {best} alone {_percent(groups.loc[best, 'eer'])}"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"
