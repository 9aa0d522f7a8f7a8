"""Write the protocol of a codec: its trials."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--splits", type=Path, required=True)
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.tables import Splits, Utterances
    from codecfake.data import tables
    from codecfake.trials.protocol import Protocol, build_protocol

    utterances, splits = tables.read(args.utterances, Utterances), tables.read(args.splits, Splits)
    tables.write(build_protocol(args.shards, utterances, splits), Protocol, args.out)
