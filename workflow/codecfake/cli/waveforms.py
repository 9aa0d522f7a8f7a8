"""Decode and resample shards into memory-mapped waveforms."""

import argparse
from pathlib import Path

from codecfake.cli.options import add_workers


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    add_workers(verb)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.trials import codec_waveforms

    codec_waveforms.describe(args.out, args.shards, args.workers)
