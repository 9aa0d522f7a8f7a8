"""Shards: Parquet files with an audio struct, readable by Hugging Face `datasets`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codecfake.audio import io as audio
from codecfake.data.parquet import DAMAGE, ParquetRows, dataset_schema
from codecfake.util.errors import DataError
from codecfake.util.files import replacing

#: Rows per row group, the unit that random access reads.
ROW_GROUP = 16

SCHEMA = dataset_schema(
    {
        "label": pa.string(),
        "speaker_id": pa.string(),
        "utterance_id": pa.string(),
        "codec_name": pa.string(),
        "sample_rate": pa.int32(),
        "num_samples": pa.int64(),
    }
)
DESCRIPTION = [name for name in SCHEMA.names if name != "audio"]


def shard_path(resynthesised: Path, codec: str, shard: int) -> Path:
    """Return the path of a codec's shard in the folder of resynthesised speech."""
    return Path(resynthesised) / codec / f"{shard:03d}.parquet"


def shard_row(
    samples: np.ndarray, sample_rate: int, *, label: str, speaker_id: str, utterance_id: str, codec_name: str
) -> dict[str, Any]:
    """Return a shard row: the samples (float32 [N]) as 16-bit FLAC, and their metadata."""
    return {
        "audio": {"bytes": audio.encode(samples, sample_rate), "path": f"{codec_name}+{utterance_id}.flac"},
        "label": label,
        "speaker_id": speaker_id,
        "utterance_id": utterance_id,
        "codec_name": codec_name,
        "sample_rate": sample_rate,
        "num_samples": len(samples),
    }


def write_shard(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows atomically, as they are produced, in row groups of `ROW_GROUP`."""
    rows = iter(rows)
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="none", write_page_checksum=True) as writer,
    ):
        while group := list(islice(rows, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, SCHEMA))


class Shard:
    """Random access to the rows of a shard.

    Raises:
        DataError: the file is missing, is not a Parquet file or has other columns.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._rows = ParquetRows(self.path)
        if self._rows.schema.names != SCHEMA.names:
            raise DataError(f"{self.path}: columns {self._rows.schema.names}; a shard has {SCHEMA.names}")
        self._group: tuple[int, list[dict[str, Any]]] = (-1, [])

    def __len__(self) -> int:
        return len(self._rows)

    def describe(self) -> list[dict[str, Any]]:
        """Return all rows without their audio."""
        return self._rows.read(DESCRIPTION).to_pylist()

    def __getitem__(self, index: int) -> dict[str, Any]:
        group, offset = self._rows.place(index)
        if self._group[0] != group:
            try:
                self._group = (group, self._rows.group(group).to_pylist())
            except DAMAGE as error:
                raise DataError(f"{self.path}: damaged ({error}); delete it to make it again") from None
        return self._group[1][offset]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self)))


def decode_row(item: dict[str, Any]) -> tuple[np.ndarray, int]:
    """Return the samples (float32 [N]) and the sample rate in Hz of a row.

    Raises:
        AudioError: the bytes cannot be decoded; the message names the utterance.
    """
    return audio.decode(item["audio"]["bytes"], f"{item['codec_name']}+{item['utterance_id']}")
