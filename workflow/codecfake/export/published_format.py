"""Files in the published format of CodecFake: its columns, labels and file names."""

import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from codecfake.audio import io as audio
from codecfake.data.parquet import dataset_schema
from codecfake.data.shards import decode_row
from codecfake.runtime import threads
from codecfake.util.constants import IDENTITY
from codecfake.util.files import replacing

#: The published codec name of bona fide speech, and the published labels by this project's labels.
GENUINE = "genuine"
LABELS = {"bonafide": GENUINE, "spoof": "spoofing"}
#: Rows per row group: the default of `datasets` for audio.
ROW_GROUP = 100
#: The system whose permissions a zip's members have, on every machine.
UNIX = 3

SCHEMA = dataset_schema(dict.fromkeys(("label", "speaker_id", "codec_name"), pa.string()))


def published_name(codec: str) -> str:
    """Return the published name of a codec."""
    return GENUINE if codec == IDENTITY else codec


def write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Write shard rows in the published format, one row group at a time; FLAC bytes are copied unchanged."""
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="none", write_page_checksum=True) as writer,
    ):
        while group := [_published(item) for item in islice(rows, ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, SCHEMA))


def _published(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "audio": {"bytes": item["audio"]["bytes"], "path": _file_name(item, "flac")},
        "label": LABELS[item["label"]],
        "speaker_id": item["speaker_id"],
        "codec_name": published_name(item["codec_name"]),
    }


def write_zip(path: Path, rows: Iterator[dict[str, Any]], workers: int) -> None:
    """Write shard rows as 16-bit WAV files into a zip, without compression and time stamps.

    Args:
        workers: number of rows decoded concurrently; does not affect the file.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in threads.spread(_wav, rows, workers):
            member = zipfile.ZipInfo(name)
            member.create_system, member.external_attr = UNIX, 0o644 << 16
            archive.writestr(member, content)


def _wav(item: dict[str, Any]) -> tuple[str, bytes]:
    return _file_name(item, "wav"), audio.encode(*decode_row(item), "WAV")


def _file_name(item: dict[str, Any], suffix: str) -> str:
    return f"{published_name(item['codec_name'])}+{item['utterance_id']}.{suffix}"


def datalist(trials: pd.DataFrame) -> str:
    """Return the list of the WAV files of trials (`Protocol`) as CSV: path, label, speaker, codec."""
    codecs = trials["codec"].map(published_name)
    table = {
        "path": codecs + "+" + trials["utterance_id"] + ".wav",
        "label": trials["label"].map(LABELS),
        "speaker": trials["speaker_id"],
        "codec": codecs,
    }
    return pd.DataFrame(table).to_csv(index=False, lineterminator="\n")
