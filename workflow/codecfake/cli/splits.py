"""Assign each speaker to a split."""

import argparse
import json
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--speakers", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.selection import assign_splits
    from codecfake.corpora.tables import Speakers, Splits, speakers_with_utterances, split_table
    from codecfake.data import tables

    table = tables.read(args.speakers, Speakers)
    assigned = assign_splits(speakers_with_utterances(table), table["speaker_id"], args.corpus)
    tables.write(split_table(assigned), Splits, args.out)
