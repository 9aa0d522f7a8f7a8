"""Pack a folder of bona fide and spoof recordings into a shard."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--name", required=True)
    verb.add_argument("--folder", type=Path, required=True, help="folder with subfolders bonafide/ and spoof/")
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.data.shards import write_shard
    from codecfake.trials.evaluation_sets import set_rows

    write_shard(args.out, set_rows(args.name, args.folder.expanduser()))
