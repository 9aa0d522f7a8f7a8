"""Memory-mapped files of detector input: speech decoded and resampled once, 16-bit, at one sample rate."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from codecfake.audio import io as audio
from codecfake.data.shards import Shard, decode_row
from codecfake.runtime.threads import spread
from codecfake.util.constants import SAMPLE_RATE
from codecfake.util.errors import DataError
from codecfake.util.files import replacing

SCHEMA = pa.schema([("name", pa.string()), ("samples", pa.list_(pa.int16()))])
DIGEST = b"digest"
#: Waveforms per record batch, so that its offsets stay far below 2^31 samples.
BATCH = 64


def write_waveforms(path: Path, items: Iterable[tuple[str, np.ndarray]], digest: str = "") -> None:
    """Write pairs (name, float32 [N] at `SAMPLE_RATE`), as they are produced, to a memory-mappable Arrow file.

    Args:
        digest: digest of the inputs of the waveforms, for `digest_of`.
    """
    schema = SCHEMA.with_metadata({DIGEST: digest})
    with replacing(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        items = iter(items)
        while group := list(islice(items, BATCH)):
            names, samples = zip(*group, strict=True)
            offsets = np.cumsum([0, *map(len, samples)], dtype=np.int32)
            flat = pa.array(np.concatenate([audio.to_pcm16(one) for one in samples]))
            columns = [pa.array(names), pa.ListArray.from_arrays(offsets, flat)]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def digest_of(path: Path) -> str | None:
    """Return the `digest` passed to `write_waveforms`; None if the file does not exist or is invalid."""
    try:
        return _open(path).schema.metadata[DIGEST].decode()
    except DataError:
        return None


def shard_waveforms(shards: list[Path], workers: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, float32 [N] at `SAMPLE_RATE`) of each row of shards, in order, decoded by `workers` threads."""

    def waveform(row: dict) -> tuple[str, np.ndarray]:
        samples, sample_rate = decode_row(row)
        return f"{row['codec_name']}+{row['utterance_id']}", audio.resample(samples, sample_rate, SAMPLE_RATE)

    rows = (row for path in shards for row in Shard(path))
    return spread(waveform, rows, workers)


class Waveforms:
    """Random access to waveforms by index, reading only the requested ones.

    Args:
        paths: files written by `write_waveforms`.
        names: names of the waveforms, in index order.

    Attributes:
        lengths: length of each waveform in samples, int64 [N].

    Raises:
        DataError: a file is missing or is not a waveform file, or no file has one of the names.
    """

    def __init__(self, paths: Sequence[Path], names: Sequence[str]):
        self._arguments = (list(paths), list(names))
        self._samples, places = [], []
        for batch in (batch for path in paths for batch in _batches(path)):
            column = batch.column("samples")
            offsets = column.offsets.to_numpy()
            places.append(
                pd.DataFrame(
                    {"batch": len(self._samples), "start": offsets[:-1], "length": np.diff(offsets)},
                    index=batch.column("name").to_pylist(),
                )
            )
            self._samples.append(column.values.to_numpy())
        found = pd.concat(places) if places else pd.DataFrame(columns=["batch", "start", "length"])
        rows = found.index.get_indexer(pd.Index(names))
        if (rows < 0).any():
            missing = [name for name, row in zip(names, rows, strict=True) if row < 0]
            files = ", ".join(str(path) for path in paths)
            raise DataError(f"no waveform of {missing[0]!r} ({len(missing)} missing) in {files}")
        chosen = found.iloc[rows].astype(np.int64)
        self._batch, self._start = chosen["batch"].to_numpy(), chosen["start"].to_numpy()
        self.lengths = chosen["length"].to_numpy()

    def __reduce__(self):
        """Pickle only paths and names; the other process maps the files itself."""
        return Waveforms, self._arguments

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return samples (int16 [N]), memory-mapped and read-only."""
        start = self._start[index]
        return self._samples[self._batch[index]][start : start + self.lengths[index]]


def _batches(path: Path) -> list[pa.RecordBatch]:
    reader = _open(path)
    return [reader.get_batch(number) for number in range(reader.num_record_batches)]


def _open(path: Path) -> pa.ipc.RecordBatchFileReader:
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a readable waveform file ({error})") from None
    if reader.schema != SCHEMA:
        raise DataError(f"{path}: columns {reader.schema.names}; a waveform file has {SCHEMA.names}")
    return reader
