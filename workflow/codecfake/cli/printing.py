"""Print tables on the terminal."""

import numpy as np
import pandas as pd

#: Maximum width of a matrix, and of its columns, in characters.
WIDTH, COLUMN_WIDTH = 100, 6


def print_table(rows: list) -> None:
    """Print rows of strings as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_matrix(percent: pd.DataFrame, labels: dict[str, str]) -> None:
    """Print an EER matrix (in %), if it is too wide in blocks of columns; * marks a row's own codec.

    Args:
        labels: short names of columns; other names are cut.
    """
    first = max(map(len, percent.index))
    fitting = (WIDTH - first) // (COLUMN_WIDTH + 1)
    for block in np.array_split(percent.columns, -(-len(percent.columns) // fitting)):
        heads = (_head(labels.get(name, name)) for name in block)
        print(" ".join([" " * first, *heads]).rstrip())
        for row, values in percent[block].iterrows():
            cells = (f"{value:.1f}{'*' if name == row else ' '}" for name, value in values.items())
            print(" ".join([row.ljust(first), *(cell.rjust(COLUMN_WIDTH) for cell in cells)]).rstrip())
        print()


def _head(name: str) -> str:
    cut = name if len(name) <= COLUMN_WIDTH else f"{name[: COLUMN_WIDTH - 1]}…"
    # the last character of a cell is for the mark
    return cut.rjust(COLUMN_WIDTH - 1).ljust(COLUMN_WIDTH)
