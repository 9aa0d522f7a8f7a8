"""Identify the codec that made audio files.

Prints filename, the most probable class, its probability, and the probability of each class, for each file and each
file in a folder. A tracer is a closed-set classifier: it assigns a file of an unknown codec to one of its classes.
Files that cannot be read are reported on standard error; the others are still traced, and the exit code is 1.
"""

import argparse
import sys
from pathlib import Path

from codecfake.cli import file_table
from codecfake.cli.options import add_audio_files

EXAMPLE = "codecfake trace --detector lfcc_lcnn --checkpoint tracer.pt recordings/ speech.wav"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--detector", required=True, metavar="NAME", help="a detector that `codecfake detectors` lists")
    verb.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="saved by `codecfake train-tracer`"
    )
    add_audio_files(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake.data.tables import DIGITS
    from codecfake.detectors import loading
    from codecfake.evaluation.objectives import Tracing
    from codecfake.evaluation.scoring import audio_files
    from codecfake.evaluation.tracing import trace_files
    from codecfake.pipeline import config
    from codecfake.runtime.device import torch_device

    config.entry(config.detectors(), args.detector, "detector")
    paths = audio_files(args.inputs)
    model, class_of = loading.load_tracer(args.checkpoint, args.detector, torch_device(args.device))
    classes = Tracing(class_of).classes
    print("a file of any other codec is also assigned to one of these classes", file=sys.stderr)
    head = ("filename", "class", "probability", *(f"p({name})" for name in classes))

    def row(probabilities) -> tuple:
        predicted, values = probabilities.argmax(), probabilities.round(DIGITS).tolist()
        return classes[predicted], values[predicted], *values

    file_table.write(args, trace_files(model, paths), len(paths), head, row, "traced")
