"""The report's tables as text: content of cells, rows and columns, marks."""

import numpy as np
import pandas as pd
import pytest

from codecfake.data import tables as data_tables
from codecfake.evaluation.tables import Breakdown, Metrics, Significance
from codecfake.report import tables

RUN = {
    "codecs": ["alpha", "beta", "gamma"],
    "codec_entries": {
        "alpha": {"family": "greek"},
        "beta": {"family": "greek"},
        "gamma": {"family": "other"},
    },
    "train_sets": ["each", "pooled", "leave-one-family-out"],
    "baselines": ["random", "trivial"],
}
COLUMNS = ["alpha", "beta", "gamma", "pooled", "noise"]


def metrics_of(
    eers: dict[str, list[float]], seeds: tuple[str, ...] = ("1",), columns: list[str] = COLUMNS
) -> pd.DataFrame:
    """Make a metrics table with these EERs, equal for all seeds except +0.02 per seed in the first column."""
    rows = [
        {
            **{name: 0.5 for name, column in Metrics.to_schema().columns.items() if column.dtype.type is not str},
            "trained_on": row,
            "seed": seed,
            "evaluated_on": column,
            "bonafide_trials": 40,
            "spoof_trials": 50,
            "speakers": 5,
            "eer": eer + 0.02 * number * (column == columns[0]),
            "eer_low": eer - 0.01,
            "eer_high": eer + 0.015,
            "eer_low_by_trial": eer - 0.005,
            "eer_high_by_trial": eer + 0.0075,
        }
        for row, values in eers.items()
        for number, seed in enumerate(("",) if row in RUN["baselines"] else seeds)
        for column, eer in zip(columns, values, strict=True)
    ]
    return data_tables.check(pd.DataFrame(rows)[data_tables.columns(Metrics)], Metrics, "metrics")


EERS = {
    "alpha": [0.1, 0.3, 0.4, 0.25, 0.2],
    "beta": [0.2, 0.1, 0.4, 0.25, 0.51],
    "gamma": [0.6, 0.5, 0.0123, 0.3, 0.2],
    "pooled": [0.11, 0.12, 0.13, 0.14, 0.15],
    "without-greek": [0.4, 0.5, 0.02, 0.3, 0.2],
    "without-other": [0.1, 0.1, 0.45, 0.3, 0.2],
    "random": [0.48, 0.5, 0.52, 0.49, 0.503],
    "trivial": [0.2, 0.3, 0.4, 0.3, 0.3],
}


def test_cell_of_one_seed_has_the_interval_by_speakers():
    cells = tables.eer_cells(metrics_of(EERS))
    assert cells["gamma", "gamma"] == {"eer": "1.23", "spread": "0.23 to 2.73", "inverted": False}
    assert len(cells) == 8 * 5


def test_cell_without_interval_by_speakers_has_the_one_by_trials():
    metrics = metrics_of(EERS).assign(eer_low=np.nan, eer_high=np.nan)
    assert tables.eer_cells(metrics)["gamma", "gamma"]["spread"] == "0.73 to 1.98"


def test_cell_of_several_seeds_has_mean_and_standard_deviation():
    cells = tables.eer_cells(metrics_of(EERS, seeds=("1", "2", "3")))
    assert cells["alpha", "alpha"] == {"eer": "12.00", "spread": "± 2.00", "inverted": False}
    assert cells["alpha", "beta"] == {"eer": "30.00", "spread": "± 0.00", "inverted": False}
    assert cells["random", "alpha"] == {"eer": "48.00", "spread": "47.00 to 49.50", "inverted": False}


def test_cell_is_inverted_if_the_mean_over_seeds_is_above_chance():
    eers = {"alpha": [0.5, 0.501, 0.49]}
    assert [cell["inverted"] for cell in tables.eer_cells(metrics_of(eers, columns=COLUMNS[:3])).values()] == [
        False, True, False,
    ]  # fmt: skip
    two_seeds = tables.eer_cells(metrics_of({"alpha": [0.495]}, ("1", "2"), ["alpha"]))
    assert two_seeds["alpha", "alpha"]["inverted"]


def test_matrix_rows_are_in_order_with_seen_and_own_cells():
    matrix = tables.matrix(metrics_of(EERS), RUN)
    assert [row["name"] for row in matrix] == list(EERS)
    assert [row["baseline"] for row in matrix] == [False] * 6 + [True] * 2
    for row in matrix:
        assert [cell["eer"] for cell in row["cells"]] == [f"{100 * eer:.2f}" for eer in EERS[row["name"]]]
    seen = {
        row["name"]: [column for column, cell in zip(COLUMNS, row["cells"], strict=True) if cell["seen"]]
        for row in matrix
    }
    assert seen == {
        "alpha": ["alpha"],
        "beta": ["beta"],
        "gamma": ["gamma"],
        "pooled": ["alpha", "beta", "gamma"],
        "without-greek": ["gamma"],
        "without-other": ["alpha", "beta"],
        "random": [],
        "trivial": [],
    }
    own = [
        (row["name"], column)
        for row in matrix
        for column, cell in zip(COLUMNS, row["cells"], strict=True)
        if cell["own"]
    ]
    assert own == [(name, name) for name in ("alpha", "beta", "gamma", "pooled")]


def test_generalisation_compares_detectors_that_have_and_have_not_seen_a_codec():
    columns, rows = tables.generalisation(metrics_of(EERS), RUN)
    assert columns == ["trained on it", "pooled", "leave-one-family-out", "random", "trivial"]
    assert [(codec, *(cell["eer"] for cell in cells)) for codec, cells in rows] == [
        ("alpha", "10.00", "11.00", "40.00", "48.00", "20.00"),
        ("beta", "10.00", "12.00", "50.00", "50.00", "30.00"),
        ("gamma", "1.23", "13.00", "45.00", "52.00", "40.00"),
    ]


@pytest.mark.parametrize(
    ("missing", "columns"),
    [
        (["without-greek", "without-other"], ["trained on it", "pooled", "random", "trivial"]),
        (["pooled", "random"], ["trained on it", "leave-one-family-out", "trivial"]),
        (["alpha", "beta", "gamma"], ["pooled", "leave-one-family-out", "random", "trivial"]),
    ],
)
def test_generalisation_has_no_column_without_a_detector(missing, columns):
    metrics = metrics_of({row: eers for row, eers in EERS.items() if row not in missing})
    found, rows = tables.generalisation(metrics, RUN)
    assert found == columns
    assert {len(cells) for _, cells in rows} == {len(columns)}


def test_codec_without_its_detector_has_an_empty_cell():
    metrics = metrics_of({row: eers for row, eers in EERS.items() if row != "beta"})
    _, rows = tables.generalisation(metrics, RUN)
    assert [cells[0] is None for _, cells in rows] == [False, True, False]


def test_inverted_cells_are_listed():
    assert tables.inverted(metrics_of(EERS)) == [
        "beta on noise (51.00 %)", "gamma on alpha (60.00 %)", "random on gamma (52.00 %)",
    ]  # fmt: skip
    assert tables.inverted(metrics_of({"pooled": EERS["pooled"]})) == []


def test_significant_differences_are_starred_and_all_are_signed():
    rows = [
        ("alpha", "pooled", "beta", 0.1234, 0.1, 0.2, 0.01, 0.049),
        ("alpha", "pooled", "alpha", -0.01, -0.02, 0.0, 0.02, 0.05),
        ("random", "pooled", "beta", 0.3, 0.2, 0.4, 0.001, 0.002),
        ("random", "pooled", "alpha", 0.0, -0.1, 0.1, 1.0, 1.0),
    ]
    table = pd.DataFrame(rows, columns=data_tables.columns(Significance))
    assert tables.significance(table) == [["alpha", "+12.34*", "-1.00"], ["random", "+30.00*", "+0.00"]]
    assert tables.significance(table.iloc[[1, 0, 2, 3]]) == [
        ["alpha", "-1.00", "+12.34*"],
        ["random", "+0.00", "+30.00*"],
    ]
    assert tables.significance(table[:0]) == []


def test_all_metrics_are_those_of_the_first_seed():
    metrics = metrics_of(EERS, seeds=("2", "1"))
    metrics["auc"], metrics["dev_miss"], metrics["cllr"] = 0.98765, 0.125, 1.5
    head, (alpha, *others) = tables.all_metrics(metrics, "pooled")
    assert head[:5] == ["eval codec", "bona fide", "spoof", "speakers", "EER"]
    assert head[7:] == ["AUC", "min DCF", "act DCF", "Cllr", "min Cllr", "miss", "false alarm"]
    assert [row[0] for row in (alpha, *others)] == COLUMNS
    assert alpha == [
        "alpha", "40", "50", "5", "11.00", "10.00 to 12.50", "10.50 to 11.75",
        "0.988", "0.500", "0.500", "1.500", "0.500", "12.50", "50.00",
    ]  # fmt: skip
    _, one_speaker = tables.all_metrics(metrics.assign(eer_low=np.nan, eer_high=np.nan), "pooled")
    assert one_speaker[0][5:7] == ["", "10.50 to 11.75"]


def test_breakdown_has_a_line_per_group_and_empty_cells_without_eer():
    rows = [
        ("pooled", "2", "alpha", "speaker", "p2", 1, 1, 0.25),
        ("pooled", "2", "alpha", "speaker", "p1", 1, 1, 0.5),
        ("pooled", "2", "alpha", "gender", "F", 1, 1, 0.125),
        ("pooled", "2", "noise", "speaker", "p2", 1, 1, 0.0),
        ("pooled", "1", "alpha", "speaker", "p1", 1, 1, 0.9),
        ("alpha", "2", "alpha", "speaker", "p1", 1, 1, 0.9),
    ]
    table = pd.DataFrame(rows, columns=data_tables.columns(Breakdown))
    columns, lines = tables.breakdown(table, "pooled")
    assert columns == ["alpha", "noise"]
    assert lines == [["gender", "F", "12.50", ""], ["speaker", "p1", "50.00", ""], ["speaker", "p2", "25.00", "0.00"]]
