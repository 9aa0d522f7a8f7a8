"""Train a tracer: a classifier of the codec or codec family."""

import argparse
import json

from codecfake.cli.options import add_training
from codecfake.cli.training import train_by


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--classes", type=json.loads, required=True, help="class of each codec, as JSON")
    add_training(verb)


def run(args: argparse.Namespace) -> None:
    # to a tracer spoof is several classes, as many as there are codecs
    entry = {key: value for key, value in args.entry.items() if key != "spoof_ratio"}
    train_by(args, {**entry, "classes": args.classes})
