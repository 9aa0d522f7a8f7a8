"""Print the EER matrices of a finished run and the path of its report."""

import argparse
from pathlib import Path

from codecfake.cli.printing import print_table

EXAMPLE = "codecfake show config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="config file of the run, e.g. config/demo.yaml")


def run(args: argparse.Namespace) -> None:
    from codecfake.pipeline import config
    from codecfake.pipeline.paths import by_recipe

    for recipe, at in by_recipe(config.read_run(args.config)).items():
        matrix = Path(at.matrix().tsv).read_text(encoding="utf-8")
        print(f"EER (%), {recipe}  rows: trained on, columns: evaluated on")
        print_table([line.split("\t") for line in matrix.splitlines()])
        print()
    _, report, samples = (Path(path).resolve() for path in at.report())
    print(f"report: {report}")
    print(f"samples to listen to: {samples}")
