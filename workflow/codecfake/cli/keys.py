"""Write keys and protocols in the formats of the ASVspoof challenges."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--protocols", type=Path, nargs="+", required=True, help="protocols of bona fide speech and all codecs"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the key and the protocols")


def run(args: argparse.Namespace) -> None:
    from codecfake.data.result_files import KeyFiles, within
    from codecfake.evaluation.asvspoof import write_key, write_protocol
    from codecfake.trials.protocol import read_trials
    from codecfake.util.constants import SPLITS

    out = within(args.out, KeyFiles)
    trials = read_trials(args.protocols)
    for split in SPLITS:
        write_protocol(trials[trials["split"] == split], getattr(out, split))
    write_key(trials[trials["split"] == "eval"], out.key)
