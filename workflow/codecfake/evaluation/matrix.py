"""Metrics of every detector on every eval column, and the EER matrix."""

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake.data import tables
from codecfake.evaluation import bootstrap, metrics
from codecfake.evaluation.cells import Cell, Evaluation
from codecfake.evaluation.eer_interval import eer_interval
from codecfake.evaluation.tables import Breakdown, Metrics, Significance
from codecfake.trials.detector_id import DetectorId
from codecfake.util.constants import IDENTITY
from codecfake.util.files import write_json, write_text


def metrics_table(evaluation: Evaluation, trained_on: dict[str, list[str]]) -> pd.DataFrame:
    """Compute every metric of every detector and column, as `Metrics`.

    Args:
        trained_on: training codecs of each row trained in this run. The threshold applied to eval is set on the dev
            trials of these codecs and of bona fide speech; for other rows, on the dev trials of all codecs.
    """
    rows = []
    for detector in tqdm(evaluation.scores, desc="metrics", unit="detector", mininterval=5):
        dev = evaluation.dev
        if detector.row in trained_on:
            dev = dev[dev["codec"].isin([IDENTITY, *trained_on[detector.row]])]
        known = evaluation.cell_of(detector, dev)
        threshold = metrics.eer_threshold(known.bonafide, known.spoof)
        for column in evaluation.columns:
            cell = evaluation.cell(detector, column)
            miss, false_alarm = metrics.errors_at(cell.bonafide, cell.spoof, threshold)
            rows.append(
                {
                    "trained_on": detector.row,
                    "seed": detector.seed_text,
                    "evaluated_on": column,
                    "bonafide_trials": len(cell.bonafide),
                    "spoof_trials": len(cell.spoof),
                    "speakers": cell.speakers,
                    **metrics.summary(cell.bonafide, cell.spoof),
                    **intervals(cell),
                    "dev_threshold": threshold,
                    "dev_miss": miss,
                    "dev_false_alarm": false_alarm,
                }
            )
    table = pd.DataFrame(rows)[tables.columns(Metrics)]
    return tables.check(table.round(tables.DIGITS), Metrics, "metrics")


def intervals(cell: Cell) -> dict[str, float]:
    """Return the 95 % intervals of the EER by speaker (NaN if there is only one), and for independent trials."""
    by_trial = eer_interval(cell.bonafide, cell.spoof)
    by_speaker = eer_interval(*cell) if cell.speakers > 1 else (np.nan, np.nan)
    names = ("eer_low", "eer_high", "eer_low_by_trial", "eer_high_by_trial")
    return dict(zip(names, (*by_speaker, *by_trial), strict=True))


def eer_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """Return the matrix of EERs (fractions) of a metrics table, each the mean over seeds."""
    matrix = table.groupby(["trained_on", "evaluated_on"], sort=False)["eer"].mean().unstack("evaluated_on")
    names = [list(dict.fromkeys(table[axis])) for axis in ("trained_on", "evaluated_on")]
    return matrix.loc[names[0], names[1]]


def breakdown(evaluation: Evaluation, genders: dict[str, str]) -> pd.DataFrame:
    """Compute the EER of every detector and column by speaker and by gender, as `Breakdown`.

    A group without trials of one class has no EER and is omitted.
    """
    rows = []
    for detector in evaluation.scores:
        for column in evaluation.columns:
            cell = evaluation.cell(detector, column)
            everyone = sorted(set(cell.bonafide_speakers) | set(cell.spoof_speakers))
            groups = {("speaker", speaker): {speaker} for speaker in everyone}
            for gender in sorted({genders[speaker] for speaker in everyone if genders.get(speaker)}):
                groups["gender", gender] = {speaker for speaker in everyone if genders.get(speaker) == gender}
            for (by, group), members in groups.items():
                part = cell.of(members)
                if len(part.bonafide) and len(part.spoof):
                    eer = metrics.eer(part.bonafide, part.spoof)
                    counts = (len(part.bonafide), len(part.spoof))
                    rows.append((detector.row, detector.seed_text, column, by, group, *counts, eer))
    table = pd.DataFrame(rows, columns=tables.columns(Breakdown))
    return tables.check(table.round(tables.DIGITS), Breakdown, "breakdown")


def significance(evaluation: Evaluation, reference: str, seed: int) -> pd.DataFrame:
    """Compare the EER of every row with that of `reference` on the same trials, as `Significance`.

    The bootstrap resamples speakers (trials, if there is only one speaker). The first seed of each row is compared;
    p values are adjusted (Holm) within a column.
    """
    first: dict[str, DetectorId] = {}
    for detector in evaluation.scores:
        first.setdefault(detector.row, detector)
    rows = []
    for column in tqdm(evaluation.columns, desc="significance", unit="column", mininterval=5):
        base = evaluation.cell(first[reference], column)
        found = {}
        for row, detector in first.items():
            if row != reference:
                cell = evaluation.cell(detector, column)
                found[row] = bootstrap.paired(
                    cell.bonafide, cell.spoof, base.bonafide, base.spoof, *base.clusters, seed=seed
                )
        adjusted = bootstrap.holm([result.p for result in found.values()])
        for (row, result), p in zip(found.items(), adjusted, strict=True):
            rows.append((row, reference, column, result.difference, result.low, result.high, result.p, p))
    table = pd.DataFrame(rows, columns=tables.columns(Significance))
    return tables.check(table.round(tables.DIGITS), Significance, "significance")


def write_matrix(table: pd.DataFrame, tsv: Path, json: Path) -> None:
    """Write the EER matrix as a table (TSV, EER in %) and as JSON (EER as a fraction)."""
    eer = eer_matrix(table)
    write_text(tsv, (100 * eer).round(2).to_csv(sep="\t", lineterminator="\n"))
    trials = table.drop_duplicates("evaluated_on").set_index("evaluated_on")[["bonafide_trials", "spoof_trials"]]
    cells = {
        row: {
            column: {"eer": round(float(value), tables.DIGITS), **trials.loc[column].astype(int).to_dict()}
            for column, value in values.items()
        }
        for row, values in eer.iterrows()
    }
    write_json(json, cells)
