"""Verdicts: text that states, per codec, which cues reveal it and how much, strongest first.

The strength of a cue is how consistently it alone ranks clips of the codec against bona fide ones: 0 at chance, 1 if it
never fails. Equally strong cues are sorted by how far they exceed their thresholds.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from codecfake.audit.lengths import AS_THE_INPUT
from codecfake.audit.probe import ALL, GROUPS
from codecfake.util.constants import IDENTITY

#: With fewer utterances, the verdict states their number.
FEW = 10
#: Strength of a cue that is only known to hold between the deciles, for eight of ten clips.
NEARLY_ALWAYS = 0.8
#: A length law is a cue if its share of clips exceeds that of bona fide speech by this; less may be chance.
LEAST_SHARE = 0.1
CHANCE = 0.5
#: Peaks are normalised if their deciles differ by at most `FIXED_PEAK`, and those of bona fide by over `FREE_PEAK`.
FIXED_PEAK, FREE_PEAK = 0.01, 0.05
#: Delays in samples at 16 kHz. A delay is fixed if its deciles differ by at most `STEADY`, and a cue from `FIXED_DELAY`
#: on: a codec's phase errors shift the correlation by less. A varying delay is a cue from `LOOSE_DELAY` (1 ms)
#: on, which no phase error explains.
STEADY, FIXED_DELAY, LOOSE_DELAY = 4, 2, 16


class Finding(NamedTuple):
    """A cue that reveals a codec.

    Attributes:
        words: text of the verdict.
        strength: 0 to 1, see the module.
        size: difference from bona fide speech divided by the threshold; infinite for a cue without a size.
    """

    words: str
    strength: float
    size: float = np.inf


class Number(NamedTuple):
    """A numeric cue, reported if its difference from bona fide speech is at least `least`.

    Attributes:
        cue: cue of a single clip, which determines the strength.
        words: format string of the difference.
        paired: cue measured on pairs with bona fide speech, which gives the difference if it is available.
    """

    cue: str
    least: float
    words: str
    paired: str = ""


NUMBERS = (
    # published codecs that keep the level deviate by less
    Number("level_dbfs", 1.0, "level: {} dB", "gain_db"),
    # 16 steps of 16-bit PCM; both recordings and codecs stay below
    Number("dc", 0.0005, "DC: {} of full scale"),
    Number("clipped_share", 0.001, "clipping: {} of the samples"),
    # five frames: a codec's noise shifts the detected start of speech by less
    Number("leading_silence_s", 0.05, "leading silence: {} s"),
    Number("trailing_silence_s", 0.05, "trailing silence: {} s"),
    # eight spectrum bins
    Number("bandwidth_at_16k_hz", 250, "bandwidth up to 8 kHz: {} Hz"),
    # half the power
    Number("above_7khz_db", 3.0, "power from 7 to 8 kHz: {} dB"),
    # samples are mostly even only if they were scaled or their lowest bit was cleared
    Number("odd_share", 0.05, "odd 16-bit samples: {} of them"),
)
#: Reported only if the subtypes are equal: otherwise the format finding covers it.
ON_GRID = Number("on_grid_share", 0.5, "samples on the 16-bit grid: {} of them")


def verdict(
    codec: str, table: pd.DataFrame, ranges: pd.DataFrame, probe: pd.DataFrame, duplicates: pd.DataFrame
) -> str:
    """Return the verdict on a codec, its findings separated by `; `.

    Args:
        table: `summary.Audit` without the verdicts.
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
    """Yield delay and polarity findings, which need the bona fide recording."""
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
