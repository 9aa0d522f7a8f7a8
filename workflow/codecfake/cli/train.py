"""Train a detector."""

import argparse
import json

from codecfake.cli.options import add_training
from codecfake.cli.training import train_by


def add_options(verb: argparse.ArgumentParser) -> None:
    add_training(verb)
    verb.add_argument(
        "--classes", type=json.loads, help="class of each codec; spoof trials are balanced over the classes; as JSON"
    )


def run(args: argparse.Namespace) -> None:
    train_by(args, args.entry, args.classes)
