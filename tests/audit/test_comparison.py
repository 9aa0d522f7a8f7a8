"""Comparison of cues: ranges against numpy, duplicates in every combination."""

import numpy as np
import pandas as pd
import pytest

from codecfake.audit import comparison
from codecfake.audit.cues import Cues
from codecfake.data import tables

BONAFIDE = {"a": 1.0, "b": 2.0, "c": 4.0}


def cues(peaks: dict[str, float], **columns) -> pd.DataFrame:
    """Return cues of clips that differ in their peak."""
    numbers = dict.fromkeys(comparison.NUMBERS, 0.5)
    table = pd.DataFrame([{**numbers, "utterance_id": name, "peak": peak} for name, peak in peaks.items()])
    hashes = {"bytes_hash": "x" + table["utterance_id"], "samples_hash": "y" + table["utterance_id"]}
    texts = {"speaker_id": "s", "label": "spoof", "container": "WAV", "subtype": "PCM_16"}
    table = table.assign(**{**texts, "sample_rate": 16000, "num_samples": 100, **hashes, **columns})
    return tables.check(table[tables.columns(Cues)], Cues, "cues")


def peak_of(codec, bonafide=BONAFIDE):
    rows = comparison.ranges({"identity": cues(bonafide), "codec": codec})
    return rows.set_index(["codec", "cue"]).loc[("codec", "peak")]


def test_differences_are_medians_over_pairs():
    row = peak_of(cues({"c": 5.0, "a": 3.0, "b": 2.5}))
    assert (row["clips"], row["pairs"], row["median"], row["low"], row["high"]) == (3, 3, 3, 2.5, 5)
    assert (row["difference"], row["difference_low"], row["difference_high"]) == (1, 0.5, 2)
    # in nine pairs of clip and bona fide clip, the clip has the larger value except in (2.5, 4) and (3, 4)
    assert row["auc"] == pytest.approx(7 / 9)


def test_unpaired_clips_are_compared_by_medians():
    row = peak_of(cues({"x": 5.0, "y": 7.0}))
    assert (row["pairs"], row["difference"], row["auc"]) == (0, 4, 1)
    assert np.isnan(row["difference_low"])


def test_undefined_cues_are_not_counted_and_have_no_row():
    row = peak_of(cues({"a": 3.0, "b": 5.0}, peak=[3.0, 5.0], gain_db=[np.nan, 1.0], delay=np.nan))
    rows = comparison.ranges(
        {"identity": cues(BONAFIDE), "codec": cues({"a": 3.0, "b": 5.0}, gain_db=[np.nan, 1.0], delay=np.nan)}
    ).set_index(["codec", "cue"])
    assert row["clips"] == 2
    assert rows.loc[("codec", "gain_db"), "clips"] == 1
    assert ("codec", "delay") not in rows.index
    assert ("identity", "delay") in rows.index


def test_range_is_from_10th_to_90th_percentile():
    many = {f"u{number:03}": float(number) for number in range(101)}
    row = peak_of(cues(many))
    assert (row["low"], row["high"]) == (10, 90)


def test_codecs_with_identical_clips_are_duplicates():
    table = cues(BONAFIDE)
    other_header = table.assign(bytes_hash=["xa", "z", "xc"])
    part = cues({"b": 2.0, "d": 1.0})
    found = comparison.duplicates(
        {"identity": table.assign(samples_hash=["1", "2", "3"]), "one": table, "other": other_header, "part": part}
    )
    assert found.values.tolist() == [
        ["one", "other", 3, 3, 2],
        ["one", "part", 1, 1, 1],
        ["other", "part", 1, 1, 0],
    ]


def test_identical_samples_of_different_utterances_are_no_duplicates():
    shuffled = cues({"a": 1.0, "b": 2.0}, samples_hash=["yb", "ya"])
    assert comparison.duplicates({"identity": cues(BONAFIDE), "codec": shuffled}).empty
