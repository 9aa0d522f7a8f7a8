"""Pack recordings of a corpus into a shard."""

import argparse
import json
from pathlib import Path

from codecfake.cli.corpus_opening import open_corpus
from codecfake.cli.options import add_fetch_options


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--shard", type=int, required=True)
    add_fetch_options(verb)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.packing import source_rows
    from codecfake.corpora.tables import Utterances, utterances_of_shard
    from codecfake.data import tables
    from codecfake.data.shards import write_shard

    members = utterances_of_shard(tables.read(args.utterances, Utterances), args.shard)
    write_shard(args.out, source_rows(open_corpus(args.corpus, vars(args)), members))
