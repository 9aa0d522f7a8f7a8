"""Means of the quality of a codec's utterances, with intervals by speaker."""

import math

import numpy as np
import pandas as pd
import pytest

from codecfake.quality import summary
from codecfake.quality.summary import MEASURES


def table_of(values: dict[tuple[str, str], list[float]], codec: str = "one") -> pd.DataFrame:
    """Make a `Quality` table in which all measures have the same values, given by speaker."""
    rows = [
        {"codec": codec, "utterance_id": f"{speaker}_{number}", "speaker_id": speaker, **dict.fromkeys(MEASURES, value)}
        for speaker, of_speaker in values.items()
        for number, value in enumerate(of_speaker)
    ]
    return pd.DataFrame(rows)


def test_interval_equals_a_bootstrap_by_speaker():
    random = np.random.default_rng(3)
    values = {f"s{n}": list(random.normal(n % 3, 0.1, size=2 + n % 4)) for n in range(9)}
    found = summary.summary(table_of(values), 0).set_index("measure").loc["stoi"]
    means = []
    for _ in range(20000):
        drawn = random.choice(list(values), len(values))
        means.append(np.mean(np.concatenate([values[speaker] for speaker in drawn])))
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.06)
    assert found["mean"] == pytest.approx(np.mean(np.concatenate(list(values.values()))), abs=1e-6)
    assert [found["utterances"], found["speakers"]] == [sum(map(len, values.values())), 9]


def test_speaker_differences_widen_the_interval():
    alike = {f"s{n}": [0.0, 1.0] * 5 for n in range(10)}
    different = {f"s{n}": [float(n % 2)] * 10 for n in range(10)}
    widths = []
    for values in (alike, different):
        found = summary.summary(table_of(values), 0).iloc[0]
        widths.append(found["high"] - found["low"])
    assert widths[0] == 0
    assert widths[1] > 0.4


def test_utterances_of_a_single_speaker_are_resampled():
    values = list(np.random.default_rng(1).normal(3, 1, 400))
    found = summary.summary(table_of({"anna": values}), 0).iloc[0]
    expected = 1.96 * np.std(values) / 20
    assert (found["high"] - found["low"]) / 2 == pytest.approx(expected, rel=0.1)


def test_codecs_keep_their_order_and_undefined_values_are_ignored():
    table = pd.concat([table_of({"anna": [1.0, 2.0], "ben": [6.0]}, codec) for codec in ("zeta", "alpha")])
    table.loc[table["utterance_id"] == "ben_0", "stoi"] = math.nan
    table.loc[table["codec"] == "zeta", "pesq_wb"] = math.nan
    found = summary.summary(table, 0)
    assert found["codec"].unique().tolist() == ["zeta", "alpha"]
    assert found["measure"].tolist() == MEASURES * 2
    found = found.set_index(["codec", "measure"])
    assert found.loc[("alpha", "stoi"), ["utterances", "speakers", "mean"]].tolist() == [2, 1, 1.5]
    assert found.loc[("zeta", "pesq_wb"), ["utterances", "speakers"]].tolist() == [0, 0]
    assert found.loc[("zeta", "pesq_wb"), ["mean", "low", "high"]].isna().all()


def test_single_utterance_has_no_interval():
    found = summary.summary(table_of({"anna": [2.0]}), 0).iloc[0]
    assert found["mean"] == 2
    assert found[["low", "high"]].isna().all()


def test_interval_depends_on_the_seed_but_not_on_row_order():
    table = table_of({f"s{n}": [float(n), n**0.5] for n in range(7)})
    same, shuffled, other = (
        summary.summary(rows, seed)
        for rows, seed in ((table, 1), (table.sample(frac=1, random_state=0), 1), (table, 2))
    )
    pd.testing.assert_frame_equal(same, shuffled, check_exact=True)
    assert same["low"][0] != other["low"][0]
