"""All metrics of external CM scores, given an ASVspoof key file."""

import pandas as pd

from codecfake.evaluation import bootstrap, metrics
from codecfake.evaluation.cells import Cell
from codecfake.evaluation.matrix import intervals
from codecfake.util.constants import POOLED
from codecfake.util.errors import DataError


def assess(scores: pd.Series, key: pd.DataFrame) -> pd.DataFrame:
    """Compute every metric for all attacks pooled and, if the key names attacks, for each attack.

    Confidence intervals resample trials and, if the key names speakers, also speakers.

    Raises:
        DataError: a trial of the key has no score.
    """
    labels = {POOLED: key}
    attacks = sorted(set(key.loc[key["label"] == "spoof", "attack"].dropna()))
    if len(attacks) > 1:
        bonafide = key["label"] == "bonafide"
        labels |= {attack: key[bonafide | (key["attack"] == attack)] for attack in attacks}
    rows = {}
    for name, part in labels.items():
        cell = cell_of(scores, part)
        counts = {"bonafide_trials": len(cell.bonafide), "spoof_trials": len(cell.spoof)}
        rows[name] = {**counts, **metrics.summary(cell.bonafide, cell.spoof), **intervals(cell)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("attack")


def cell_of(scores: pd.Series, key: pd.DataFrame) -> Cell:
    """Return the scores of a key's trials by class, with their speakers (a single one if the key names none).

    Raises:
        DataError: a trial of the key has no score.
    """
    missing = key.index.difference(scores.index, sort=False)
    if len(missing):
        raise DataError(f"no score for {missing[0]!r} ({len(missing)} of the key's {len(key)} files have none)")
    return Cell.split_by_label(scores[key.index].to_numpy(float), key["label"], key["speaker"].fillna("").to_numpy(str))


def compare(scores: pd.Series, others: pd.Series, key: pd.DataFrame) -> bootstrap.Paired:
    """Compare the EERs of two detectors on the same trials; see `bootstrap.paired`."""
    one, other = cell_of(scores, key), cell_of(others, key)
    return bootstrap.paired(*one[:2], *other[:2], *one.clusters)


def readable(table: pd.DataFrame) -> list[list[str]]:
    """Format the table of `assess` as rows of text: rates in %, - for a missing value."""
    counts = ("bonafide_trials", "spoof_trials")
    fractions = {metric.name for metric in metrics.METRICS if metric.most == 1}
    rates = [name for name in table.columns if name.startswith("eer") or name in fractions]
    scale = {**dict.fromkeys(rates, (100, 2)), **dict.fromkeys(counts, (1, 0))}
    head = ["attack", *(f"{name} (%)" if name in rates else name for name in table.columns)]
    rows = [head]
    for attack, values in table.iterrows():
        numbers = ((value, *scale.get(name, (1, 4))) for name, value in values.items())
        rows.append(
            [str(attack), *("-" if pd.isna(v) else f"{factor * v:.{digits}f}" for v, factor, digits in numbers)]
        )
    return rows


def readable_difference(compared: bootstrap.Paired) -> str:
    """Format the result of `compare` as one line."""
    points, low, high = (100 * value for value in (compared.difference, compared.low, compared.high))
    return f"EER minus the other detector's: {points:+.2f} points ({low:+.2f} to {high:+.2f}), p = {compared.p:.3f}"
