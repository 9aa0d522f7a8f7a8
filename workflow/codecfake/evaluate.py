"""Detectors by what they are evaluated on: every metric of every cell, and the EER matrix."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from codecfake import bootstrap, manifest, metrics
from codecfake.errors import DataError
from codecfake.files import write_json, write_text
from codecfake.names import IDENTITY, POOLED
from codecfake.waveforms import trial_names

#: Digits after the point of what is written.
DIGITS = 6


class Cell(NamedTuple):
    """CM scores [N] and [M] of the two classes of some trials, and who speaks in each."""

    bonafide: np.ndarray
    spoof: np.ndarray
    bonafide_speakers: np.ndarray
    spoof_speakers: np.ndarray

    @classmethod
    def parted(cls, scores: np.ndarray, labels: pd.Series, speakers: np.ndarray) -> "Cell":
        """The trials [N + M] of both classes, parted by their labels."""
        bonafide = (labels == "bonafide").to_numpy()
        return cls(scores[bonafide], scores[~bonafide], speakers[bonafide], speakers[~bonafide])

    @property
    def clusters(self) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        """What a bootstrap resamples: the speakers, or, if there is only one, trials."""
        return (self.bonafide_speakers, self.spoof_speakers) if self.speakers > 1 else (None, None)

    @property
    def speakers(self) -> int:
        return len(np.unique(np.append(self.bonafide_speakers, self.spoof_speakers)))

    def of(self, members: set) -> "Cell":
        """Only these speakers' trials."""
        bonafide, spoof = (np.isin(who, list(members)) for who in (self.bonafide_speakers, self.spoof_speakers))
        return Cell(
            self.bonafide[bonafide], self.spoof[spoof], self.bonafide_speakers[bonafide], self.spoof_speakers[spoof]
        )


@dataclass(frozen=True)
class Evaluation:
    """What detectors gave to trials.

    Attributes:
        scores: by detector (ROW@SEED, or ROW of one that was not trained here), CM scores by trial name.
        columns: by column, the eval trials (rows of `manifest.Protocol`) of both classes.
        dev: the dev trials of every codec, of bona fide speech too.
    """

    scores: dict[str, pd.Series]
    columns: dict[str, pd.DataFrame]
    dev: pd.DataFrame

    def cell(self, detector: str, column: str) -> Cell:
        return self.cell_of(detector, self.columns[column])

    def cell_of(self, detector: str, trials: pd.DataFrame) -> Cell:
        """The scores of a detector for some trials.

        Raises:
            DataError: a trial has none.
        """
        table, names = self.scores[detector], trial_names(trials)
        found = table.reindex(names).to_numpy()
        if np.isnan(found).any():
            missing = names[np.isnan(found)]
            raise DataError(f"{detector}: no score for trial {missing.iloc[0]!r} ({len(missing)} missing)")
        return Cell.parted(found, trials["label"], trials["speaker_id"].to_numpy())


def read(scores: Iterable[tuple[str, Path]], protocols: dict[str, Path]) -> Evaluation:
    """Read score files and protocols.

    Args:
        scores: (detector, file); a detector's scores may be in several files.
        protocols: by column; of a codec, which has spoof trials only and shares those of `identity`'s protocol with
            the others, or of a condition or set, which has both classes.

    Raises:
        DataError: a trial has two scores of one detector.
    """
    trials = {name: manifest.read(path, manifest.Protocol) for name, path in protocols.items()}
    codecs = [name for name, table in trials.items() if set(table["label"]) == {"spoof"}]
    everything = pd.concat([trials[name] for name in (IDENTITY, *codecs)], ignore_index=True)
    columns = {name: pd.concat([trials[IDENTITY], trials[name]]) for name in codecs}
    columns[POOLED] = everything
    columns |= {name: table for name, table in trials.items() if name not in (IDENTITY, *codecs)}
    columns = {name: table[table["split"] == "eval"].reset_index(drop=True) for name, table in columns.items()}
    dev = everything[everything["split"] == "dev"].reset_index(drop=True)
    return Evaluation(read_scores(scores), columns, dev)


def read_scores(paths: Iterable[tuple[str, Path]]) -> dict[str, pd.Series]:
    """CM scores by trial name, by detector; a detector's may be in several files.

    Raises:
        DataError: a trial has two scores of one detector.
    """
    parts: dict[str, list[pd.Series]] = {}
    for detector, path in paths:
        parts.setdefault(detector, []).append(manifest.read(path, manifest.Scores).set_index("filename")["cm-score"])
    found = {detector: pd.concat(tables) for detector, tables in parts.items()}
    for detector, table in found.items():
        if not table.index.is_unique:
            raise DataError(f"{detector}: trial {table.index[table.index.duplicated()][0]!r} has two scores")
    return found


def metrics_table(evaluation: Evaluation, trained_on: dict[str, list[str]], seed: int) -> pd.DataFrame:
    """Every metric of every detector and column, as `manifest.Metrics`.

    Args:
        trained_on: the codecs of each row that was trained here: on their dev trials, and bona fide ones, the
            threshold is found that is carried over to eval; all codecs' for other rows.
        seed: of the bootstrap.
    """
    rows = []
    for detector in tqdm(evaluation.scores, desc="metrics", unit="detector", mininterval=5):
        row, _, training_seed = detector.partition("@")
        dev = evaluation.dev
        if row in trained_on:
            dev = dev[dev["codec"].isin([IDENTITY, *trained_on[row]])]
        known = evaluation.cell_of(detector, dev)
        threshold = metrics.eer_threshold(known.bonafide, known.spoof)
        for column in evaluation.columns:
            cell = evaluation.cell(detector, column)
            miss, false_alarm = metrics.errors_at(cell.bonafide, cell.spoof, threshold)
            rows.append(
                {
                    "train_codec": row,
                    "seed": training_seed,
                    "eval_codec": column,
                    "bonafide_trials": len(cell.bonafide),
                    "spoof_trials": len(cell.spoof),
                    "speakers": cell.speakers,
                    **metrics.summary(cell.bonafide, cell.spoof),
                    **intervals(cell, seed),
                    "dev_threshold": threshold,
                    "dev_miss": miss,
                    "dev_false_alarm": false_alarm,
                }
            )
    table = pd.DataFrame(rows)[manifest.columns(manifest.Metrics)]
    return manifest.check(table.round(DIGITS), manifest.Metrics, "metrics")


def intervals(cell: Cell, seed: int = 0) -> dict[str, float]:
    """95 % intervals of the EER, by speakers (NaN if there is only one) and by trials."""
    by_trial = bootstrap.eer_interval(cell.bonafide, cell.spoof, seed=seed)
    by_speaker = (np.nan, np.nan)
    if cell.speakers > 1:
        by_speaker = bootstrap.eer_interval(*cell, seed=seed)
    names = ("eer_low", "eer_high", "eer_low_by_trial", "eer_high_by_trial")
    return dict(zip(names, (*by_speaker, *by_trial), strict=True))


def eer_matrix(table: pd.DataFrame, statistic: str = "mean") -> pd.DataFrame:
    """EERs (fractions), rows by columns, of a metrics table: their mean over seeds, or another statistic."""
    matrix = table.groupby(["train_codec", "eval_codec"], sort=False)["eer"].agg(statistic).unstack("eval_codec")
    names = [list(dict.fromkeys(table[axis])) for axis in ("train_codec", "eval_codec")]
    return matrix.loc[names[0], names[1]]


def breakdown(evaluation: Evaluation, genders: dict[str, str]) -> pd.DataFrame:
    """The EER of every detector and column by speaker and by gender, as `manifest.Breakdown`.

    A group without a trial of one class has no EER and is left out.
    """
    rows = []
    for detector in evaluation.scores:
        row, _, seed = detector.partition("@")
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
                    rows.append((row, seed, column, by, group, len(part.bonafide), len(part.spoof), eer))
    table = pd.DataFrame(rows, columns=manifest.columns(manifest.Breakdown))
    return manifest.check(table.round(DIGITS), manifest.Breakdown, "breakdown")


def significance(evaluation: Evaluation, reference: str, seed: int) -> pd.DataFrame:
    """The EER of every row against that of `reference` on the same trials, as `manifest.Significance`.

    Speakers are resampled (trials, if there is only one), the first seed of each row is compared, and p values are
    adjusted (Holm) within a column.
    """
    first: dict[str, str] = {}
    for detector in evaluation.scores:
        first.setdefault(detector.partition("@")[0], detector)
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
    table = pd.DataFrame(rows, columns=manifest.columns(manifest.Significance))
    return manifest.check(table.round(DIGITS), manifest.Significance, "significance")


def write_matrix(table: pd.DataFrame, tsv: Path, json: Path) -> None:
    """The matrix as a table for people (EER in %) and as JSON for programs (EER as a fraction)."""
    eer = eer_matrix(table)
    write_text(tsv, (100 * eer).round(2).to_csv(sep="\t", lineterminator="\n"))
    trials = table.drop_duplicates("eval_codec").set_index("eval_codec")[["bonafide_trials", "spoof_trials"]]
    cells = {
        row: {
            column: {"eer": round(float(value), DIGITS), **trials.loc[column].astype(int).to_dict()}
            for column, value in values.items()
        }
        for row, values in eer.iterrows()
    }
    write_json(json, cells)
