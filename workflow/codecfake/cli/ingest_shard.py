"""Build a shard from the clips of a codec in a released set."""

import argparse
from pathlib import Path

from codecfake.cli.matched import add_matched, matching_of
from codecfake.util.constants import LABELS, MATCHED


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--set", type=Path, required=True, help="the released set: a folder, zip archive or Parquet file")
    verb.add_argument("--codec", required=True, help="name of the codec in the set")
    verb.add_argument("--label", choices=LABELS, required=True)
    verb.add_argument("--recipe", choices=["published", MATCHED], required=True)
    add_matched(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.released import open_set
    from codecfake.resynthesis.ingest import ingest_shard

    matching = matching_of(args)
    released = open_set(args.set.expanduser())
    ingest_shard(args.source, args.out, released, args.codec, args.label, matching)
