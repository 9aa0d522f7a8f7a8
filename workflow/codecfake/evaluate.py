"""The matrix: EER of every train codec × eval codec, and the DET curves behind it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from codecfake import manifest, metrics
from codecfake.errors import DataError
from codecfake.files import write_json, write_text
from codecfake.names import IDENTITY
from codecfake.score import trial_names


@dataclass(frozen=True)
class Evaluation:
    """EERs (fractions) by train codec (rows) and eval codec (columns), and each cell's scores."""

    eer: pd.DataFrame
    bonafide: dict[str, np.ndarray]
    spoof: dict[tuple[str, str], np.ndarray]


def evaluate(scores: dict[str, Path], protocols: dict[str, Path]) -> Evaluation:
    """Read score files and protocols into the matrix.

    Args:
        scores: score file of each detector, by train codec.
        protocols: protocol file by codec; that of bona fide speech is `identity`'s.

    Raises:
        DataError: a trial has no score.
    """
    trials = {codec: manifest.read(path, manifest.Protocol) for codec, path in protocols.items()}
    names = {codec: trial_names(table[table["split"] == "eval"]) for codec, table in trials.items()}
    eval_codecs = [codec for codec in protocols if codec != IDENTITY]
    eer = pd.DataFrame(index=pd.Index(scores, name="train_codec"), columns=eval_codecs, dtype=float)
    bonafide, spoof = {}, {}
    for train_codec, path in scores.items():
        table = manifest.read(path, manifest.Scores).set_index("filename")["cm-score"]
        bonafide[train_codec] = _lookup(table, names[IDENTITY], path)
        for eval_codec in eval_codecs:
            cell = _lookup(table, names[eval_codec], path)
            spoof[train_codec, eval_codec] = cell
            eer.loc[train_codec, eval_codec] = metrics.eer(bonafide[train_codec], cell)
    return Evaluation(eer, bonafide, spoof)


def _lookup(table: pd.Series, names: pd.Series, path: Path) -> np.ndarray:
    missing = names[~names.isin(table.index)]
    if len(missing):
        raise DataError(f"{path}: no score for trial {missing.iloc[0]!r} ({len(missing)} missing)")
    return table.loc[names].to_numpy()


def write_matrix(evaluation: Evaluation, tsv: Path, json: Path) -> None:
    """The matrix as a table for people (EER in %) and as JSON for programs (EER as a fraction)."""
    percent = (100 * evaluation.eer).round(2)
    write_text(tsv, percent.to_csv(sep="\t", lineterminator="\n"))
    cells = {
        train_codec: {
            eval_codec: {
                "eer": round(float(evaluation.eer.loc[train_codec, eval_codec]), 6),
                "bonafide_trials": len(evaluation.bonafide[train_codec]),
                "spoof_trials": len(evaluation.spoof[train_codec, eval_codec]),
            }
            for eval_codec in evaluation.eer.columns
        }
        for train_codec in evaluation.eer.index
    }
    write_json(json, cells)
