"""Result tables of the report, as rows of text."""

import numpy as np
import pandas as pd

from codecfake.audit.probe import ALL
from codecfake.evaluation.generalisation import rows_of as generalisation_rows
from codecfake.evaluation.metrics import METRICS
from codecfake.trials.train_sets import train_sets
from codecfake.util.constants import IDENTITY, SPLITS

#: Significance level of p values.
ALPHA = 0.05


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def interval(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _first_seed(table: pd.DataFrame, row: str) -> pd.DataFrame:
    """Return the entries of a row's first seed."""
    of_row = table[table["trained_on"] == row]
    return of_row[of_row["seed"] == of_row["seed"].iloc[0]]


def eer_cells(metrics: pd.DataFrame) -> dict[tuple[str, str], dict]:
    """Format the EER (%) and its spread for each cell (row, column) of the matrix.

    Several seeds give the mean and standard deviation; one seed gives the 95 % interval, by speakers if available, else
    by trials.
    """
    cells = {}
    for key, group in metrics.groupby(["trained_on", "evaluated_on"], sort=False):
        first, mean = group.iloc[0], group["eer"].mean()
        if len(group) > 1:
            spread = f"± {percent(group['eer'].std())}"
        elif np.isnan(first["eer_low"]):
            spread = interval(first["eer_low_by_trial"], first["eer_high_by_trial"])
        else:
            spread = interval(first["eer_low"], first["eer_high"])
        cells[key] = {"eer": percent(mean), "spread": spread, "inverted": mean > 0.5}
    return cells


def matrix(metrics: pd.DataFrame, run: dict) -> list[dict]:
    """Return the rows of the matrix: name, whether it is a baseline, and cells in column order."""
    cells, sets = eer_cells(metrics), train_sets(run)
    columns = list(dict.fromkeys(metrics["evaluated_on"]))
    rows = []
    for row in dict.fromkeys(metrics["trained_on"]):
        seen = sets[row].codecs if row in sets else []
        described = [{**cells[row, column], "seen": column in seen, "own": column == row} for column in columns]
        rows.append({"name": row, "baseline": row not in sets, "cells": described})
    return rows


def generalisation(metrics: pd.DataFrame, run: dict) -> tuple[list[str], list[tuple[str, list[dict | None]]]]:
    """Tabulate the EER on each codec of detectors trained on it, on all codecs, and on all families but its own.

    Returns:
        Column names, and for each codec a cell (of `eer_cells`) per column, None if missing.
    """
    cells = eer_cells(metrics)
    rows_of = generalisation_rows(run) | {name: lambda codec, name=name: name for name in run["baselines"]}
    there = {name: row for name, row in rows_of.items() if any((row(codec), codec) in cells for codec in run["codecs"])}
    rows = [(codec, [cells.get((row(codec), codec)) for row in there.values()]) for codec in run["codecs"]]
    return list(there), rows


def side_by_side(
    metrics: dict[str, pd.DataFrame], probes: dict[str, pd.DataFrame], run: dict
) -> tuple[list[str], list[tuple[str, list[list[dict | None]]]]]:
    """Tabulate the EER of the probe and of detectors on each codec, recipe by recipe.

    Args:
        metrics, probes: `evaluation.tables.Metrics` and `probe.Probe`, by recipe.

    Returns:
        Column names, and for each codec and column a cell (as in `eer_cells`) per recipe, None if missing.
    """
    columns_of = {"probe": [probe_cells(table) for table in probes.values()]}
    for recipe in metrics.values():
        columns, rows = generalisation(recipe, run)
        for number, column in enumerate(columns):
            if column not in run["baselines"]:
                columns_of.setdefault(column, []).append({codec: cells[number] for codec, cells in rows})
    return list(columns_of), [
        (codec, [[cells.get(codec) for cells in recipes] for recipes in columns_of.values()]) for codec in run["codecs"]
    ]


def probe_cells(probe: pd.DataFrame) -> dict[str, dict]:
    """Format the EER (%) of the probe with all cues, and its interval, for each codec that has one."""
    whole = probe[probe["group"] == ALL].dropna(subset="eer")
    return {
        row.codec: {"eer": percent(row.eer), "spread": interval(row.eer_low, row.eer_high)}
        for row in whole.itertuples()
    }


def quality(table: pd.DataFrame) -> tuple[list[str], list[tuple[str, list[dict | None]]]]:
    """Return the measures of a `QualitySummary`, and for each codec their means with intervals."""
    measures, codecs = (list(dict.fromkeys(table[name])) for name in ("measure", "codec"))
    cells = {
        (row.codec, row.measure): {
            "mean": f"{row.mean:.2f}",
            "spread": "" if np.isnan(row.low) else f"{row.low:.2f} to {row.high:.2f}",
        }
        for row in table.dropna(subset="mean").itertuples()
    }
    return measures, [(codec, [cells.get((codec, measure)) for measure in measures]) for codec in codecs]


def lacks_pesq(table: pd.DataFrame) -> bool:
    """Return whether no codec of a `QualitySummary` has a PESQ value, i.e. the package was not installed."""
    of_codecs = table[(table["measure"] == "pesq_wb") & (table["codec"] != IDENTITY)]
    return len(of_codecs) > 0 and not of_codecs["utterances"].any()


def traced(measures: pd.DataFrame) -> dict[str, dict]:
    """Format the measures over all classes of `source_tracing.TracingMeasures` in %, each with its interval."""
    return {
        row.measure: {
            "value": percent(row.value),
            "spread": "" if np.isnan(row.low) else interval(row.low, row.high),
        }
        for row in measures[measures["class"] == ""].itertuples()
    }


def inverted(metrics: pd.DataFrame) -> list[str]:
    """List the cells in which bona fide trials score lower than spoof ones: the interval by trials is above 50 %."""
    wrong = metrics[metrics["eer_low_by_trial"] > 0.5]
    return [f"{row.trained_on} on {row.evaluated_on} ({percent(row.eer)} %)" for row in wrong.itertuples()]


def significance(table: pd.DataFrame) -> list[list[str]]:
    """Return the EER differences of each row from the reference in percentage points, with * if significant."""
    columns = list(dict.fromkeys(table["evaluated_on"]))
    rows = []
    for row, group in table.groupby("trained_on", sort=False):
        group = group.set_index("evaluated_on").loc[columns]
        marks = [
            f"{100 * one.difference:+.2f}{'*' if one.p_adjusted < ALPHA else ''}"
            for one in group.itertuples(index=False)
        ]
        rows.append([row, *marks])
    return rows


def all_metrics(metrics: pd.DataFrame, row: str) -> tuple[list[str], list[list[str]]]:
    """Tabulate every metric of a row (its first seed): headings, and one line per column of the matrix."""
    head = ["eval codec", "bona fide", "spoof", "speakers", "EER", "by speakers", "by trials"]
    lines = [
        [
            one["evaluated_on"],
            *(str(one[name]) for name in ("bonafide_trials", "spoof_trials", "speakers")),
            percent(one["eer"]),
            "" if np.isnan(one["eer_low"]) else interval(one["eer_low"], one["eer_high"]),
            interval(one["eer_low_by_trial"], one["eer_high_by_trial"]),
            *(f"{one[metric.name]:.3f}" for metric in METRICS),
            percent(one["dev_miss"]),
            percent(one["dev_false_alarm"]),
        ]
        for one in _first_seed(metrics, row).to_dict("records")
    ]
    return [*head, *(metric.heading for metric in METRICS), "miss", "false alarm"], lines


def breakdown(table: pd.DataFrame, row: str) -> tuple[list[str], list[list[str]]]:
    """Tabulate the EER of a row (its first seed) by gender and speaker: column names, and one line per group."""
    first = _first_seed(table, row)
    columns = list(dict.fromkeys(first["evaluated_on"]))
    lines = []
    for (by, group), part in first.groupby(["by", "group"], sort=True):
        eers = part.set_index("evaluated_on")["eer"]
        lines.append([by, group, *(percent(eers[column]) if column in eers else "" for column in columns)])
    return columns, lines


def counts(utterances: pd.DataFrame) -> pd.DataFrame:
    """Count speakers, utterances and minutes of each split (a column of `utterances`)."""
    seconds = utterances["num_samples"] / utterances["sample_rate"]
    table = utterances.assign(seconds=seconds).groupby("split", sort=False)
    result = table.agg(
        speakers=("speaker_id", "nunique"), utterances=("utterance_id", "size"), minutes=("seconds", "sum")
    )
    result["minutes"] = (result["minutes"] / 60).round(1)
    return result.reindex([split for split in SPLITS if split in result.index]).reset_index()


def left_out_by_reason(left_out: pd.DataFrame) -> pd.DataFrame:
    """Count the utterances left out by reason, and list their speakers, or the utterance if it is only one."""
    if left_out.empty:
        return pd.DataFrame(columns=["reason", "utterances", "of"])
    grouped = left_out.groupby("reason", sort=True)
    table = grouped.agg(
        utterances=("utterance_id", "size"),
        of=("speaker_id", lambda speakers: ", ".join(sorted(set(speakers)))),
        first=("utterance_id", "first"),
    )
    table["of"] = table["of"].where(table["utterances"] > 1, table["first"])
    return table.drop(columns="first").reset_index()
