"""List the utterances and speakers of a corpus."""

import argparse
import json
from pathlib import Path

from codecfake.cli.corpus_opening import open_corpus
from codecfake.cli.options import add_fetch_options


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--corpus", type=json.loads, required=True, help="corpus section of the config, as JSON")
    verb.add_argument("--shards", type=int, required=True)
    verb.add_argument("--workers", type=int, default=1, help="recordings read in parallel (default: 1)")
    add_fetch_options(verb)
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the tables")


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora import tables as corpus_tables
    from codecfake.corpora.selection import choose, relevant
    from codecfake.corpora.validation import list_utterances
    from codecfake.data import tables
    from codecfake.data.result_files import CorpusFiles, within

    out = within(args.out, CorpusFiles)
    opened = open_corpus(args.corpus, vars(args))
    chosen = choose(opened.recordings(), opened.speakers(), args.corpus)
    listing = list_utterances(opened, chosen, args.corpus["on_bad_audio"], args.workers)
    left_out = listing.left_out + relevant(opened.gaps(), chosen, args.corpus)
    speakers = corpus_tables.speaker_table(listing.utterances, left_out, opened.speakers())
    utterances = corpus_tables.utterance_table(listing.utterances, args.shards)
    tables.write(speakers, corpus_tables.Speakers, out.speakers)
    tables.write(corpus_tables.left_out_table(left_out), corpus_tables.LeftOutUtterances, out.left_out)
    tables.write(utterances, corpus_tables.Utterances, out.utterances)
