"""Measure the quality of a codec's eval utterances against the bona fide recordings."""

import argparse
from pathlib import Path

from codecfake.cli.options import positive


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True)
    verb.add_argument("--bonafide", type=Path, nargs="+", required=True, help="shards of bona fide speech")
    verb.add_argument("--shards", type=Path, nargs="+", required=True, help="shards of the codec")
    verb.add_argument("--protocol", type=Path, required=True, help="protocol of the codec")
    verb.add_argument(
        "--utterances", type=positive, required=True, help="maximum number; every codec uses the same utterances"
    )
    verb.add_argument("--workers", type=positive, default=1, help="utterances measured in parallel (default: 1)")
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.data import tables
    from codecfake.quality.measurement import measure
    from codecfake.quality.summary import Quality
    from codecfake.trials.protocol import Protocol

    trials = tables.read(args.protocol, Protocol)
    table = measure(args.codec, args.bonafide, args.shards, trials, args.utterances, args.workers)
    tables.write(table, Quality, args.out)
