"""Print the EER matrices of a finished run, what they say, and the path of its report."""

import argparse
from pathlib import Path

EXAMPLE = "codecfake show config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="config file of the run, e.g. config/demo.yaml")


def run(args: argparse.Namespace) -> None:
    import textwrap

    import pandas as pd

    from codecfake.cli.printing import WIDTH, print_matrix
    from codecfake.evaluation.generalisation import sentence, summarise
    from codecfake.pipeline import config
    from codecfake.pipeline.paths import by_recipe

    run = config.read_run(args.config)
    labels = {name: entry["label"] for name, entry in run["codec_entries"].items() if "label" in entry}
    for recipe, at in by_recipe(run).items():
        percent = pd.read_csv(at.matrix().tsv, sep="\t", index_col=0)
        print(f"EER (%), {recipe}. Rows: training sets; columns: evaluation sets; * the training set itself\n")
        print_matrix(percent, labels)
        print(textwrap.fill(sentence(summarise(percent / 100, run)), WIDTH), end="\n\n")
    _, report, samples = (Path(path).resolve() for path in at.report())
    print(f"report: {report}")
    print(f"samples to listen to: {samples}")
