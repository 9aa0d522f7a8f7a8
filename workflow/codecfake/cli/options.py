"""Options shared by several verbs."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from codecfake.util.constants import RECIPES


def named_path(text: str) -> tuple[str, Path]:
    """Parse NAME=FILE into a name and a path."""
    name, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r}: NAME=FILE expected")
    return name, Path(path)


def positive(text: str) -> int:
    """Parse a positive integer."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}; a whole number above 0 is needed")
    return int(text)


def add_device(verb: argparse.ArgumentParser) -> None:
    default = os.environ.get("CODECFAKE_DEVICE", "auto")
    verb.add_argument("--device", default=default, help=f"auto, cpu, cuda, cuda:N, mps (default: {default})")


def add_job_device(verb: argparse.ArgumentParser) -> None:
    """Add the options that `own_device` needs."""
    add_device(verb)
    verb.add_argument("--gpu-use", type=Path, help="JSON file for the GPU's name and peak memory")


def add_fetch_options(verb: argparse.ArgumentParser) -> None:
    cache = os.environ.get("CODECFAKE_CACHE", "~/.cache/codecfake")
    verb.add_argument("--cache", type=Path, default=Path(cache), help=f"folder for fetched files (default: {cache})")
    verb.add_argument(
        "--mirror",
        default=os.environ.get("CODECFAKE_MIRROR"),
        help="folder or http(s) address tried before the network",
    )
    offline = os.environ.get("CODECFAKE_OFFLINE", "") == "1"
    verb.add_argument("--offline", action="store_true", default=offline, help="use only the cache and the mirror")


def add_recipe(verb: argparse.ArgumentParser, allowed: Sequence[str] = RECIPES) -> None:
    verb.add_argument(
        "--recipe",
        choices=allowed,
        default="clean",
        help="clean: output with the input's level, length and delay; published: output as processed by CodecFake's "
        "authors; raw: the model's output",
    )


def add_workers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--workers", type=int, default=1, help="processes or threads that load audio (default: 1)")


def add_trials(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--protocols", type=Path, nargs="+", required=True)
    verb.add_argument(
        "--waveforms", type=Path, nargs="+", required=True, help="waveform descriptions (JSON) of these trials"
    )
    add_workers(verb)


def add_training(verb: argparse.ArgumentParser) -> None:
    """Add the options that `train_by` needs."""
    verb.add_argument("--detector", required=True)
    verb.add_argument(
        "--entry",
        type=json.loads,
        required=True,
        help="its entry in detectors.yaml, with the training settings, as JSON",
    )
    verb.add_argument("--seed", type=int, required=True)
    add_trials(verb)
    add_job_device(verb)
    add_fetch_options(verb)
    verb.add_argument("--gpus", type=int, default=1, help="GPUs for data-parallel training (default: 1)")
    verb.add_argument("--curves", type=Path, required=True, help="folder for TensorBoard event files")
    verb.add_argument("--history", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def add_score_outputs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codecs", type=Path, nargs="+", required=True, help="protocols whose eval scores go to --out")
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument(
        "--other", type=Path, required=True, help="file for all other scores: dev trials, conditions, evaluation sets"
    )


def add_audio_files(verb: argparse.ArgumentParser) -> None:
    """Add the options that `file_table.write` needs."""
    add_device(verb)
    verb.add_argument("--format", choices=["tsv", "json"], default="tsv", help="tsv: a table; json: a list of objects")
    verb.add_argument("--out", type=Path, metavar="FILE", help="file for the table (default: standard output)")
    verb.add_argument("inputs", type=Path, nargs="+", metavar="FILE_OR_FOLDER", help="recordings to process")
