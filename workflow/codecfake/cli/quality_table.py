"""Average the quality of each codec, with confidence intervals."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--quality", type=Path, nargs="+", required=True, help="tables written by `quality`")
    verb.add_argument("--seed", type=int, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    import pandas as pd

    from codecfake.data import tables
    from codecfake.quality.summary import Quality, QualitySummary, summary

    table = pd.concat([tables.read(path, Quality) for path in args.quality], ignore_index=True)
    tables.write(summary(table, args.seed), QualitySummary, args.out)
