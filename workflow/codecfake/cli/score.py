"""Score audio files with a detector.

Prints filename and cm-score of each file, and of each file in a folder. Higher scores mean more bona fide. Files that
cannot be scored are reported on standard error; the others are still scored, and the exit code is 1.
"""

import argparse
import sys
from pathlib import Path

from codecfake.cli import file_table
from codecfake.cli.fetching import model_files
from codecfake.cli.options import add_audio_files, add_fetch_options

EXAMPLE = "codecfake score --detector aasist_2019 recordings/ speech.wav --out scores.tsv"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--detector", required=True, metavar="NAME", help="a detector that `codecfake detectors` lists")
    verb.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="saved by `codecfake train`, or a state_dict from another program (default: the published weights)",
    )
    add_audio_files(verb)
    add_fetch_options(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake.evaluation.scoring import audio_files, score_files
    from codecfake.pipeline import config
    from codecfake.runtime.device import torch_device

    entry, paths = config.entry(config.detectors(), args.detector, "detector"), audio_files(args.inputs)
    model = _detector(args, entry, torch_device(args.device))
    print("cm-score: higher = more bona fide", file=sys.stderr)
    head, found = ("filename", "cm-score"), score_files(model, paths)
    file_table.write(args, found, len(paths), head, lambda score: (round(score, 6),), "scored")


def _detector(args: argparse.Namespace, entry: dict, device: str):
    """Load the detector from --checkpoint, or with the weights its authors published."""
    from codecfake.detectors import loading
    from codecfake.pipeline import config
    from codecfake.util.errors import ConfigError

    if args.checkpoint:
        return loading.load(args.checkpoint, args.detector, device, entry)
    if "checkpoint" not in entry.get("files", {}):
        raise ConfigError(f"--checkpoint: {args.detector!r} has no published weights; name a checkpoint of your own")
    entry = config.pretrained(args.detector)
    return loading.load(model_files(entry, vars(args))["checkpoint"], args.detector, device, entry)
