"""The option of the verbs that read the score files of all detectors."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from codecfake.cli.options import named_path

if TYPE_CHECKING:
    from codecfake.trials.detector_id import DetectorId


def add_detector_scores(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--scores",
        type=detector_file,
        nargs="+",
        required=True,
        metavar="ROW@SEED=FILE",
        help="score files of every detector, by matrix row and training seed; ROW=FILE for a baseline",
    )


def detector_file(text: str) -> "tuple[DetectorId, Path]":
    """Parse ROW@SEED=FILE, or ROW=FILE for a baseline, into a detector and a path."""
    from codecfake.trials.detector_id import DetectorId

    name, path = named_path(text)
    row, _, seed = name.partition("@")
    detector = DetectorId(row, int(seed) if seed.isdecimal() else None)
    if not row or str(detector) != name:
        raise argparse.ArgumentTypeError(
            f"{name!r}: ROW@SEED expected (SEED: a whole number without leading zeros), or ROW for a baseline"
        )
    return detector, path
