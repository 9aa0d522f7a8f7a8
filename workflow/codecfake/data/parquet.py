"""Parquet files of audio: their schema, and random access to their rows by row group."""

import json
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codecfake.util.errors import DataError

#: Errors of reading from a damaged file.
DAMAGE = (OSError, pa.ArrowException)


def dataset_schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    """Return the schema of a column `audio` and further columns, described as Hugging Face `datasets` expects it."""
    features = {name: {"dtype": str(kind), "_type": "Value"} for name, kind in columns.items()}
    described = {"info": {"features": {"audio": {"_type": "Audio"}, **features}}}
    audio = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    return pa.schema({"audio": audio, **columns}, metadata={"huggingface": json.dumps(described)})


class ParquetRows:
    """The rows of a Parquet file with verified checksums. The file is open only while it is read.

    Attributes:
        schema: Arrow schema of the file.
        columns: names of the columns, and of their fields as `column.field`.

    Raises:
        DataError: the file is missing or is not a Parquet file.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            with self._opened() as file:
                groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
                self._ends = list(accumulate((group.num_rows for group in groups), initial=0))
                self.schema = file.schema_arrow
                self.columns = {column.path for column in file.schema} | set(self.schema.names)
        except DAMAGE as error:
            raise DataError(f"{self.path}: not a readable Parquet file ({error})") from None

    def __len__(self) -> int:
        return self._ends[-1]

    def place(self, row: int) -> tuple[int, int]:
        """Return the row group of a row, and the row's number in the group."""
        group = bisect_right(self._ends, row) - 1
        return group, row - self._ends[group]

    def group(self, number: int, columns: list[str] | None = None) -> pa.Table:
        """Return a row group, or some of its columns. Raises one of `DAMAGE`."""
        with self._opened() as file:
            return file.read_row_group(number, columns=columns)

    def read(self, columns: list[str]) -> pa.Table:
        """Return some columns of all rows. Raises one of `DAMAGE`."""
        with self._opened() as file:
            return file.read(columns=columns)

    def _opened(self) -> pq.ParquetFile:
        return pq.ParquetFile(self.path, page_checksum_verification=True)
