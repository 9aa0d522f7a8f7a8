"""The EER matrix of a finished run, and where its report is."""

import argparse
from pathlib import Path

from codecfake.cli.printing import print_table

EXAMPLE = "codecfake show config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="the run's config, e.g. config/demo.yaml")


def run(args: argparse.Namespace) -> None:
    from codecfake.pipeline import config
    from codecfake.pipeline.paths import Layout

    results = Path(Layout(config.read_run(args.config)).experiment)
    matrix = [line.split("\t") for line in (results / "eer_matrix.tsv").read_text(encoding="utf-8").splitlines()]
    print("EER (%)  rows: trained on, columns: evaluated on")
    print_table(matrix)
    print(f"report: {(results / 'report.html').resolve()}")
    print(f"samples to listen to: {(results / 'samples/index.html').resolve()}")
