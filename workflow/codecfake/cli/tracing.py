"""The verbs of source tracing: which codec made a file; two for rules, one for the user."""

import argparse
import json
import sys
from pathlib import Path

from codecfake.cli.options import add_audio_files, add_rule, add_training, add_trials, device_options
from codecfake.cli.shared import own_device, tell_files, train_by


def add_verbs(verbs) -> None:
    verb = add_rule(verbs, "train-tracer", train_tracer, "train a tracer of codecs")
    verb.add_argument("--classes", type=json.loads, required=True, help="the class of each codec, as JSON")
    add_training(verb)

    verb = add_rule(verbs, "trace-protocol", trace_protocol, "what a tracer says of the eval trials of protocols")
    verb.add_argument("--detector", required=True)
    verb.add_argument("--checkpoint", type=Path, required=True, help="as `codecfake train-tracer` saved it")
    verb.add_argument("--batch-size", type=int, required=True)
    verb.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    add_trials(verb)
    device_options(verb)
    for output in ("tracing", "confusion", "png", "traces"):
        verb.add_argument(f"--{output}", type=Path, required=True)

    verb = verbs.add_parser(
        "trace",
        help="which codec made audio files, or all in folders",
        description="Tells filename, the most probable class, its probability, and that of each class. A tracer knows "
        "its own classes only: a file of another codec is told one of them. A file that cannot be read is named on "
        "standard error, the others are traced all the same, and the exit code is 1.",
        epilog="example: codecfake trace --detector lfcc_lcnn --checkpoint tracer.pt recordings/ speech.wav",
    )
    verb.add_argument("--detector", required=True, metavar="NAME", help="a name of `codecfake detectors`")
    verb.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="as `codecfake train-tracer` saved it"
    )
    add_audio_files(verb)
    verb.set_defaults(run=trace)


def train_tracer(args: argparse.Namespace) -> None:
    from codecfake import tracing

    entry = {**args.entry, "classes": args.classes}
    train_by(args, entry, tracing.train_tracer, tracing.save)


def trace_protocol(args: argparse.Namespace) -> None:
    from codecfake import detectors, files, heard, manifest, plots, tracing
    from codecfake.tasks import Tracing

    trials = tracing.eval_trials(manifest.read_trials(args.protocols))
    waveforms = heard.waveforms(args.heard, args.workers)
    with own_device(args) as device:
        model, classes = detectors.load_tracer(args.checkpoint, args.detector, device)
        task = Tracing(classes)
        traces = tracing.trace_trials(model, task, trials, waveforms, args.batch_size, args.workers)
    counts = tracing.confusions(traces, trials, task)
    confusion = tracing.confusion_table(counts, task.classes)
    manifest.write(traces, tracing.Traces, args.traces)
    manifest.write(confusion, tracing.Confusion, args.confusion)
    manifest.write(tracing.measures(counts, task.classes, args.seed), tracing.TracingMeasures, args.tracing)
    files.write_bytes(args.png, plots.confusion_matrix(confusion))


def trace(args: argparse.Namespace) -> None:
    from codecfake import compute, config, detectors, tracing
    from codecfake.score import audio_files
    from codecfake.tasks import Tracing

    config.entry(config.detectors(), args.detector, "detector")
    paths = audio_files(args.inputs)
    model, class_of = detectors.load_tracer(args.checkpoint, args.detector, compute.device(args.device))
    classes = Tracing(class_of).classes
    print("a file of none of these classes is told one of them all the same", file=sys.stderr)
    head = ("filename", "class", "probability", *(f"p({name})" for name in classes))

    def row(probabilities) -> tuple:
        told, values = probabilities.argmax(), probabilities.round(tracing.DIGITS).tolist()
        return classes[told], values[told], *values

    tell_files(args, tracing.trace_files(model, paths), len(paths), head, row, "traced")
