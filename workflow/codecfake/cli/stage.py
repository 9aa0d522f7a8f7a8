"""One stage of dvc.yaml: what `dvc repro` calls.

Has Snakemake make the stage's files, with the options in CODECFAKE_SNAKEMAKE (default: --cores all).
"""

import argparse
from pathlib import Path

EXAMPLE = "codecfake stage train config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("name", help="corpus, resynthesise@CODEC, protocols, train, evaluate, audit, report, or a recipe")
    verb.add_argument("config", type=Path, help="the run's config")


def run(args: argparse.Namespace) -> None:
    from codecfake.pipeline import config
    from codecfake.pipeline.dvc_stages import run_stage

    run_stage(args.name, config.read_run(args.config), args.config)
