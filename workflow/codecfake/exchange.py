"""Scores, keys and protocols in the forms of the ASVspoof challenges, our own and anyone's."""

from pathlib import Path

import pandas as pd

from codecfake import bootstrap, metrics
from codecfake.errors import DataError
from codecfake.evaluate import Cell, intervals
from codecfake.files import write_text
from codecfake.names import LABELS, POOLED
from codecfake.waveforms import trial_names


def write_key(trials: pd.DataFrame, path: Path) -> None:
    """The labels of trials as ASVspoof 5's evaluation package reads them: filename, cm-label."""
    lines = [("filename", "cm-label"), *zip(trial_names(trials), trials["label"], strict=True)]
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))


def write_protocol(trials: pd.DataFrame, path: Path) -> None:
    """Trials as the protocols of ASVspoof 2019 have them: speaker, file, -, attack (- if bona fide), label.

    They stand apart by spaces, or by tabs where a name has a space in it.
    """
    attack = trials["codec"].where(trials["label"] == "spoof", "-")
    columns = [trials["speaker_id"], trial_names(trials), ["-"] * len(trials), attack, trials["label"]]
    lines = list(zip(*columns, strict=True))
    between = "\t" if any(" " in cell for line in lines for cell in line) else " "
    write_text(path, "".join(between.join(line) + "\n" for line in lines))


def read_key(path: Path) -> pd.DataFrame:
    """Labels by file name (the index), with speaker and attack where the file tells them.

    Two forms are read: tab-separated with the head `filename cm-label`, as ASVspoof 5's package has it; and protocols
    without a head, as of ASVspoof 2019, 2021 and 5: speaker first, then the file, and the attack before the label.

    Returns:
        Columns label, speaker, attack.

    Raises:
        DataError: it is neither, or a file is in it twice.
    """
    lines = _lines(path)
    if lines[0][:2] == ["filename", "cm-label"]:
        _check_columns(lines, 2, path)
        rows = [(line[0], line[1], None, None) for line in lines[1:]]
    else:
        # of a bona fide trial the attack may be called bonafide too, right before the label
        labels = [cell in LABELS for cell in (*lines[0], "")]
        place = next((at for at in range(2, len(lines[0])) if labels[at] and not labels[at + 1]), None)
        if place is None:
            raise DataError(
                f"{path}: no key: neither a head 'filename cm-label' nor one of {', '.join(LABELS)} in line 1"
            )
        _check_columns(lines, place + 1, path)
        rows = [(line[1], line[place], line[0], line[place - 1]) for line in lines]
    table = pd.DataFrame(rows, columns=["filename", "label", "speaker", "attack"]).set_index("filename")
    wrong = table[~table["label"].isin(LABELS)]
    if len(wrong):
        raise DataError(f"{path}: {wrong.index[0]}: label {wrong['label'].iloc[0]!r}; allowed: {', '.join(LABELS)}")
    return _once(table, path)


def read_scores(path: Path) -> pd.Series:
    """CM scores by file name: a table with the columns filename and cm-score, or lines of a file and, last, its score.

    Raises:
        DataError: it is neither, a score is no number, or a file has two.
    """
    lines = _lines(path)
    head, place = lines[0], (0, -1)
    if "filename" in head and "cm-score" in head:
        place = (head.index("filename"), head.index("cm-score"))
        _check_columns(lines, max(place) + 1, path)
        lines = lines[1:]
    table = pd.Series({number: line[place[1]] for number, line in enumerate(lines)}, dtype=str)
    numbers = pd.to_numeric(table, errors="coerce")
    if numbers.isna().any():
        first = int(numbers.isna().to_numpy().argmax())
        raise DataError(f"{path}: {lines[first][place[0]]}: score {table.iloc[first]!r} is no number")
    numbers.index = pd.Index([line[place[0]] for line in lines], name="filename")
    return _once(numbers, path)


def _lines(path: Path) -> list[list[str]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    # by tabs where there are some: names may hold spaces
    lines = [line.split("\t") if "\t" in line else line.split() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path}: is empty")
    return lines


def _check_columns(lines: list[list[str]], least: int, path: Path) -> None:
    short = [number for number, line in enumerate(lines, 1) if len(line) < least]
    if short:
        raise DataError(f"{path}: line {short[0]} has {len(lines[short[0] - 1])} columns; {least} needed")


def _once(table, path: Path):
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise DataError(f"{path}: {twice[0]!r} is in it twice")
    return table


def assess(scores: pd.Series, key: pd.DataFrame) -> pd.DataFrame:
    """Every metric of someone's scores: a row for all attacks together and, where the key tells them, one for each.

    Intervals are by speakers where the key tells them, and by trials.

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
    """The scores of a key's trials, by class, with their speakers (one for all, if the key tells none).

    Raises:
        DataError: a trial of the key has no score.
    """
    missing = key.index.difference(scores.index, sort=False)
    if len(missing):
        raise DataError(f"no score for {missing[0]!r} ({len(missing)} of the key's {len(key)} files have none)")
    return Cell.parted(scores[key.index].to_numpy(float), key["label"], key["speaker"].fillna("").to_numpy(str))


def compare(scores: pd.Series, others: pd.Series, key: pd.DataFrame) -> bootstrap.Paired:
    """The EERs of two detectors on the same trials; see `bootstrap.paired`."""
    one, other = cell_of(scores, key), cell_of(others, key)
    return bootstrap.paired(*one[:2], *other[:2], *one.clusters)


def readable(table: pd.DataFrame) -> list[list[str]]:
    """`assess` as rows of text, rates in %, - where there is no number."""
    counts = ("bonafide_trials", "spoof_trials")
    rates = [name for name in table.columns if name.startswith("eer") or name == "auc"]
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
    """`compare` in a line."""
    points, low, high = (100 * value for value in (compared.difference, compared.low, compared.high))
    return f"EER less the other's: {points:+.2f} points ({low:+.2f} to {high:+.2f}), p = {compared.p:.3f}"
