"""The CM scores of every cell of the matrix of detectors and eval columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from codecfake.data import tables
from codecfake.evaluation.tables import Scores
from codecfake.trials.detector_id import DetectorId
from codecfake.trials.protocol import Protocol, trial_names
from codecfake.util.constants import IDENTITY, POOLED
from codecfake.util.errors import DataError


class Cell(NamedTuple):
    """CM scores of bona fide trials [N] and spoof trials [M], with the speaker of each."""

    bonafide: np.ndarray
    spoof: np.ndarray
    bonafide_speakers: np.ndarray
    spoof_speakers: np.ndarray

    @classmethod
    def split_by_label(cls, scores: np.ndarray, labels: pd.Series, speakers: np.ndarray) -> "Cell":
        """Split trials [N + M] of both classes by their labels."""
        bonafide = (labels == "bonafide").to_numpy()
        return cls(scores[bonafide], scores[~bonafide], speakers[bonafide], speakers[~bonafide])

    @property
    def clusters(self) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
        """Clusters for the bootstrap: the speakers, or (None, None) for single trials if there is only one speaker."""
        return (self.bonafide_speakers, self.spoof_speakers) if self.speakers > 1 else (None, None)

    @property
    def speakers(self) -> int:
        return len(np.unique(np.append(self.bonafide_speakers, self.spoof_speakers)))

    def of(self, members: set) -> "Cell":
        """Return the trials of these speakers only."""
        bonafide, spoof = (np.isin(who, list(members)) for who in (self.bonafide_speakers, self.spoof_speakers))
        return Cell(
            self.bonafide[bonafide], self.spoof[spoof], self.bonafide_speakers[bonafide], self.spoof_speakers[spoof]
        )


@dataclass(frozen=True)
class Evaluation:
    """The scores of all detectors and the trials of all columns.

    Attributes:
        scores: CM scores by trial name, for each detector.
        columns: eval trials (rows of `Protocol`) of both classes, for each column.
        dev: dev trials of both classes, of all codecs.
    """

    scores: dict[DetectorId, pd.Series]
    columns: dict[str, pd.DataFrame]
    dev: pd.DataFrame

    def cell(self, detector: DetectorId, column: str) -> Cell:
        return self.cell_of(detector, self.columns[column])

    def classes(self, detector: DetectorId) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return a detector's bona fide and spoof scores, for each column."""
        return {column: self.cell(detector, column)[:2] for column in self.columns}

    def cell_of(self, detector: DetectorId, trials: pd.DataFrame) -> Cell:
        """Return the scores of a detector for some trials.

        Raises:
            DataError: a trial has no score.
        """
        table, names = self.scores[detector], trial_names(trials)
        found = table.reindex(names).to_numpy()
        if np.isnan(found).any():
            missing = names[np.isnan(found)]
            raise DataError(f"{detector}: no score for trial {missing.iloc[0]!r} ({len(missing)} missing)")
        return Cell.split_by_label(found, trials["label"], trials["speaker_id"].to_numpy())


def read_evaluation(scores: Iterable[tuple[DetectorId, Path]], protocols: dict[str, Path]) -> Evaluation:
    """Read score files and protocols.

    Args:
        scores: (detector, file) pairs; a detector may have several files.
        protocols: protocol of each column. A codec's has spoof trials only; its bona fide trials are those of
            `identity`. The protocol of a condition or an evaluation set has both classes.

    Raises:
        DataError: a trial has two scores of one detector.
    """
    trials = {name: tables.read(path, Protocol) for name, path in protocols.items()}
    codecs = [name for name, table in trials.items() if set(table["label"]) == {"spoof"}]
    everything = pd.concat([trials[name] for name in (IDENTITY, *codecs)], ignore_index=True)
    columns = {name: pd.concat([trials[IDENTITY], trials[name]]) for name in codecs}
    columns[POOLED] = everything
    columns |= {name: table for name, table in trials.items() if name not in (IDENTITY, *codecs)}
    columns = {name: table[table["split"] == "eval"].reset_index(drop=True) for name, table in columns.items()}
    dev = everything[everything["split"] == "dev"].reset_index(drop=True)
    return Evaluation(read_scores(scores), columns, dev)


def read_scores(paths: Iterable[tuple[DetectorId, Path]]) -> dict[DetectorId, pd.Series]:
    """Read the CM scores by trial name of each detector, which may have several files.

    Raises:
        DataError: a trial has two scores of one detector.
    """
    parts: dict[DetectorId, list[pd.Series]] = {}
    for detector, path in paths:
        parts.setdefault(detector, []).append(tables.read(path, Scores).set_index("filename")["cm-score"])
    found = {detector: pd.concat(files) for detector, files in parts.items()}
    for detector, table in found.items():
        if not table.index.is_unique:
            raise DataError(f"{detector}: trial {table.index[table.index.duplicated()][0]!r} has two scores")
    return found
