"""A small export of a tiny run."""

from pathlib import Path

import pandas as pd

from codecfake.corpora.tables import split_table
from codecfake.export import export
from codecfake.pipeline import config
from codecfake.util.constants import IDENTITY
from tiny_run import MUFFLED

SPEAKERS = {"train": 3, "dev": 1, "eval": 2}
#: Export settings of a run on a folder of recordings, whose paths must not be published.
SETTINGS = export.settings_of(
    {
        "run": "tiny",
        "corpus": {"name": "folder", "path": "/home/someone/recordings"},
        "source": "resynthesised",
        "shards": 3,
        "codecs": [MUFFLED],
        "codec_entries": {IDENTITY: config.codec(IDENTITY), MUFFLED: config.codec("encodec_mini")},
        "cache": "/home/someone/.cache",
    },
    recipe="clean",
    kind="hf",
)


def source_of(folder: Path, utterances: pd.DataFrame, protocols: dict[str, pd.DataFrame]) -> export.Source:
    """Return the export source of a run made by `make_run`."""
    splits = split_table({speaker: speaker.rstrip("0123456789") for speaker in utterances["speaker_id"]})
    return export.Source(folder, pd.concat(protocols.values(), ignore_index=True), utterances, splits)


def write(source: export.Source, kind: str, out: Path, **options) -> dict[str, str]:
    """Export a source with `SETTINGS`."""
    return export.export(source, kind, out, {**SETTINGS, "export": kind}, **options)


def files(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files in a folder, by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
