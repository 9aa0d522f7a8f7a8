"""Which codec made audio files, or all in folders.

Prints filename, the most probable class, its probability, and that of each class. A tracer knows its own classes only:
a file of another codec gets one of them. A file that cannot be read is named on standard error, the others are traced
all the same, and the exit code is 1.
"""

import argparse
import sys
from pathlib import Path

from codecfake.cli import file_table
from codecfake.cli.options import add_audio_files

EXAMPLE = "codecfake trace --detector lfcc_lcnn --checkpoint tracer.pt recordings/ speech.wav"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--detector", required=True, metavar="NAME", help="a name of `codecfake detectors`")
    verb.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="as `codecfake train-tracer` saved it"
    )
    add_audio_files(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake import detectors
    from codecfake.evaluation.objectives import Tracing
    from codecfake.evaluation.scoring import audio_files
    from codecfake.evaluation.source_tracing import DIGITS
    from codecfake.evaluation.tracing import trace_files
    from codecfake.pipeline import config
    from codecfake.runtime.device import torch_device

    config.entry(config.detectors(), args.detector, "detector")
    paths = audio_files(args.inputs)
    model, class_of = detectors.load_tracer(args.checkpoint, args.detector, torch_device(args.device))
    classes = Tracing(class_of).classes
    print("a file of none of these classes gets one of them all the same", file=sys.stderr)
    head = ("filename", "class", "probability", *(f"p({name})" for name in classes))

    def row(probabilities) -> tuple:
        predicted, values = probabilities.argmax(), probabilities.round(DIGITS).tolist()
        return classes[predicted], values[predicted], *values

    file_table.write(args, trace_files(model, paths), len(paths), head, row, "traced")
