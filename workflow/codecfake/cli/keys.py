"""Write keys and protocols in the formats of the ASVspoof challenges."""

import argparse
from pathlib import Path

from codecfake.cli.options import named_path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--protocols", type=Path, nargs="+", required=True, help="protocols of bona fide speech and all codecs"
    )
    verb.add_argument("--key", type=Path, required=True)
    verb.add_argument("--splits", type=named_path, nargs="+", required=True, metavar="SPLIT=FILE")


def run(args: argparse.Namespace) -> None:
    from codecfake.evaluation.asvspoof import write_key, write_protocol
    from codecfake.trials.protocol import read_trials

    trials = read_trials(args.protocols)
    for split, path in args.splits:
        write_protocol(trials[trials["split"] == split], path)
    write_key(trials[trials["split"] == "eval"], args.key)
