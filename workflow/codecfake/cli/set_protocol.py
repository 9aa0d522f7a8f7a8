"""Write the protocol of an evaluation set: its trials."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--shard", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.data import tables
    from codecfake.trials.protocol import Protocol, set_protocol

    tables.write(set_protocol(args.shard), Protocol, args.out)
