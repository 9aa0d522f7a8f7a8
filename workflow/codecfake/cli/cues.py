"""Measure the audit cues of a codec's clips."""

import argparse
from pathlib import Path

from codecfake.cli.options import positive


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--shards", type=Path, nargs="+", required=True, help="shards of the codec")
    verb.add_argument("--bonafide", type=Path, nargs="+", required=True, help="shards of bona fide speech")
    verb.add_argument("--workers", type=positive, default=1, help="clips measured in parallel (default: 1)")
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.audit.cues import Cues, cue_table
    from codecfake.corpora.released_files import Parquet
    from codecfake.data import tables

    clips, bonafide = (
        [clip for path in paths for clip in Parquet(path).clips()] for paths in (args.shards, args.bonafide)
    )
    tables.write(cue_table(clips, bonafide, args.workers, args.out.stem), Cues, args.out)
