"""Apply a condition to the eval speech."""

import argparse
import json
from pathlib import Path

from codecfake.cli.options import add_trials


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--condition", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="its entry in conditions.yaml, as JSON")
    add_trials(verb)
    verb.add_argument("--out-protocol", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.data import tables
    from codecfake.trials import condition_waveforms
    from codecfake.trials.protocol import Protocol, condition_protocol, read_trials

    inputs = (args.protocols, args.waveforms)
    condition_waveforms.describe(args.out, args.condition, args.entry, *inputs, args.workers)
    tables.write(condition_protocol(args.condition, read_trials(args.protocols)), Protocol, args.out_protocol)
