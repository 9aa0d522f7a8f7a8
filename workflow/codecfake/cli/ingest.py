"""The verb of the rule that takes a codec's shards from a released set."""

import argparse
from pathlib import Path

from codecfake.cli.options import add_matched, add_rule
from codecfake.names import LABELS, MATCHED


def add_verbs(verbs) -> None:
    verb = add_rule(verbs, "ingest-shard", ingest_shard, "a shard as a released set has it from a codec")
    verb.add_argument("--set", type=Path, required=True, help="folder, zip or Parquet file")
    verb.add_argument("--codec", required=True, help="as the set calls it")
    verb.add_argument("--label", choices=LABELS, required=True)
    verb.add_argument("--recipe", choices=["published", MATCHED], required=True)
    add_matched(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def ingest_shard(args: argparse.Namespace) -> None:
    from codecfake.matching import Matching
    from codecfake.release.ingest import ingest_shard
    from codecfake.release.released import open_set

    matching = Matching(**args.matched) if args.recipe == MATCHED else None
    released = open_set(args.set.expanduser())
    ingest_shard(args.source, args.out, released, args.codec, args.label, matching)
