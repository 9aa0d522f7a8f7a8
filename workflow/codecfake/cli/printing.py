"""Print tables on the terminal."""


def print_table(rows: list) -> None:
    """Print rows of strings as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
