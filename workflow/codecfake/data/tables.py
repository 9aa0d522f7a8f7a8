"""Tables exchanged between stages (utterances, protocols, scores, ...), with a description and a check per column."""

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

from codecfake.util.errors import DataError
from codecfake.util.files import write_text

RATE = {"min_value": 0, "max_value": 1}
#: Decimals of written values.
DIGITS = 6


class Table(pa.DataFrameModel):
    """A table with exactly the described columns, in this order."""

    class Config:
        strict = True
        ordered = True
        coerce = True


def extended(model: type[Table], numbers: dict[str, Any]) -> type[Table]:
    """Return a table model with additional float columns: `pandera.Field` by name."""
    return type(model.__name__, (model,), {**numbers, "__annotations__": dict.fromkeys(numbers, float)})


def columns(model: type[Table]) -> list[str]:
    """Return the names of a model's columns, in order."""
    return list(model.to_schema().columns)


def check(table: pd.DataFrame, model: type[Table], name: str) -> pd.DataFrame:
    """Return the table with the model's types and its rows numbered from 0.

    Raises:
        DataError: a column is missing or unknown, or holds an invalid value; names the first such row.
    """
    table = table.reset_index(drop=True)
    try:
        return model.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        case = errors.failure_cases.iloc[0]
        row = ""
        if pd.notna(case["index"]):
            first = table.iloc[int(case["index"])]
            row = f" (row {int(case['index'])}: {first.iloc[0]!r}, {first.iloc[1]!r})"
        raise DataError(
            f"{name}: column {case['column']!r}: {case['failure_case']!r} breaks {case['check']}{row}"
        ) from None


def read(path: Path, model: type[Table]) -> pd.DataFrame:
    """Read and check a table written by `write`. Text is not parsed; an empty cell is NaN in nullable columns."""
    described = model.to_schema().columns
    texts = [name for name, column in described.items() if pd.api.types.is_string_dtype(column.dtype.type)]
    maybe = [name for name, column in described.items() if column.nullable]
    try:
        table = pd.read_csv(
            path, sep="\t", dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=dict.fromkeys(maybe, "")
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from None
    return check(table, model, str(path))


def write(table: pd.DataFrame, model: type[Table], path: Path) -> None:
    """Check and write a table as TSV."""
    write_text(path, check(table, model, str(path)).to_csv(sep="\t", index=False, lineterminator="\n"))
