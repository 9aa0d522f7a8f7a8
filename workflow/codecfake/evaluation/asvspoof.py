"""Read and write scores, keys and protocols in the formats of the ASVspoof challenges."""

from pathlib import Path

import pandas as pd

from codecfake.trials.protocol import trial_names
from codecfake.util.constants import LABELS
from codecfake.util.errors import DataError
from codecfake.util.files import write_text


def write_key(trials: pd.DataFrame, path: Path) -> None:
    """Write the key of trials for the ASVspoof 5 evaluation package: filename, cm-label."""
    lines = [("filename", "cm-label"), *zip(trial_names(trials), trials["label"], strict=True)]
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))


def write_protocol(trials: pd.DataFrame, path: Path) -> None:
    """Write trials as an ASVspoof 2019 protocol: speaker, file, -, attack (- if bona fide), label.

    Columns are separated by spaces, or by tabs if a name contains a space.
    """
    attack = trials["codec"].where(trials["label"] == "spoof", "-")
    columns = [trials["speaker_id"], trial_names(trials), ["-"] * len(trials), attack, trials["label"]]
    lines = list(zip(*columns, strict=True))
    between = "\t" if any(" " in cell for line in lines for cell in line) else " "
    write_text(path, "".join(between.join(line) + "\n" for line in lines))


def read_key(path: Path) -> pd.DataFrame:
    """Read a key: the label of each file, with speaker and attack if the key names them.

    Two formats are read: a tab-separated table with the header `filename cm-label` (ASVspoof 5 evaluation package), and
    protocols without a header (ASVspoof 2019, 2021 and 5): the speaker, then the file, and the attack before the label.

    Returns:
        Columns label, speaker, attack; the index is the file name.

    Raises:
        DataError: the file has neither format, or lists a file twice.
    """
    lines = _lines(path)
    if lines[0][:2] == ["filename", "cm-label"]:
        _check_columns(lines, 2, path)
        rows = [(line[0], line[1], None, None) for line in lines[1:]]
    else:
        # the attack column of a bona fide trial may also be bonafide, directly before the label
        labels = [cell in LABELS for cell in (*lines[0], "")]
        place = next((at for at in range(2, len(lines[0])) if labels[at] and not labels[at + 1]), None)
        if place is None:
            raise DataError(
                f"{path}: not a key: line 1 has neither the header 'filename cm-label' nor a label: {', '.join(LABELS)}"
            )
        _check_columns(lines, place + 1, path)
        rows = [(line[1], line[place], line[0], line[place - 1]) for line in lines]
    table = pd.DataFrame(rows, columns=["filename", "label", "speaker", "attack"]).set_index("filename")
    wrong = table[~table["label"].isin(LABELS)]
    if len(wrong):
        raise DataError(f"{path}: {wrong.index[0]}: label {wrong['label'].iloc[0]!r}; allowed: {', '.join(LABELS)}")
    return _once(table, path)


def read_scores(path: Path) -> pd.Series:
    """Read CM scores by file name: a table with columns filename and cm-score, or lines of a file and, last, its score.

    Raises:
        DataError: the file has neither format, a score is not a number, or a file has two scores.
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
        raise DataError(f"{path}: {lines[first][place[0]]}: score {table.iloc[first]!r} is not a number")
    numbers.index = pd.Index([line[place[0]] for line in lines], name="filename")
    return _once(numbers, path)


def _lines(path: Path) -> list[list[str]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    # lines with tabs are split at tabs only: names may contain spaces
    lines = [line.split("\t") if "\t" in line else line.split() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path}: is empty")
    return lines


def _check_columns(lines: list[list[str]], least: int, path: Path) -> None:
    short = [number for number, line in enumerate(lines, 1) if len(line) < least]
    if short:
        raise DataError(f"{path}: line {short[0]} has {len(lines[short[0] - 1])} columns; at least {least} are needed")


def _once(table, path: Path):
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise DataError(f"{path}: {twice[0]!r} is listed twice")
    return table
