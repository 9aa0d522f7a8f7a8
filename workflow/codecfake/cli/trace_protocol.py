"""Trace the eval trials of protocols."""

import argparse
from pathlib import Path

from codecfake.cli.job import own_device
from codecfake.cli.options import add_job_device, add_trials


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--detector", required=True)
    verb.add_argument("--checkpoint", type=Path, required=True, help="saved by `codecfake train-tracer`")
    verb.add_argument("--batch-size", type=int, required=True)
    verb.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    add_trials(verb)
    add_job_device(verb)
    for output in ("tracing", "confusion", "png", "traces"):
        verb.add_argument(f"--{output}", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.data import tables
    from codecfake.detectors import loading
    from codecfake.evaluation import source_tracing
    from codecfake.evaluation.figures import confusion_matrix
    from codecfake.evaluation.objectives import Tracing
    from codecfake.evaluation.tracing import only_eval, trace_trials
    from codecfake.trials import waveform_cache
    from codecfake.trials.protocol import read_trials
    from codecfake.util.files import write_bytes

    trials = only_eval(read_trials(args.protocols))
    waveforms = waveform_cache.waveforms(args.waveforms, args.workers)
    with own_device(args) as device:
        model, classes = loading.load_tracer(args.checkpoint, args.detector, device)
        task = Tracing(classes)
        traces = trace_trials(model, task, trials, waveforms, args.batch_size, args.workers)
    counts = source_tracing.confusions(traces, trials, task.labels(trials), len(task.classes))
    confusion = source_tracing.confusion_table(counts, task.classes)
    measures = source_tracing.measures(counts, task.classes, args.seed)
    tables.write(traces, source_tracing.Traces, args.traces)
    tables.write(confusion, source_tracing.Confusion, args.confusion)
    tables.write(measures, source_tracing.TracingMeasures, args.tracing)
    write_bytes(args.png, confusion_matrix(confusion))
