"""Run one stage of dvc.yaml.

`dvc repro` calls this verb. It runs Snakemake on the stage's files with the options in CODECFAKE_SNAKEMAKE (default:
--cores all).
"""

import argparse
from pathlib import Path

EXAMPLE = "codecfake stage train@published config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "name",
        help="corpus, splits, bonafide@RECIPE, resynthesise@RECIPE-CODEC, protocols@RECIPE, train@RECIPE, "
        "evaluate@RECIPE, audit@RECIPE or report",
    )
    verb.add_argument("config", type=Path, help="config file of the run")


def run(args: argparse.Namespace) -> None:
    from codecfake.pipeline import config
    from codecfake.pipeline.dvc_stages import run_stage

    run_stage(args.name, config.read_run(args.config), args.config)
