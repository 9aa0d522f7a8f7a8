"""Score the dev and eval trials of protocols with a detector."""

import argparse
import json
from pathlib import Path

from codecfake.cli.fetching import model_files
from codecfake.cli.job import own_device
from codecfake.cli.options import add_fetch_options, add_job_device, add_score_outputs, add_trials


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--detector", required=True)
    model = verb.add_mutually_exclusive_group(required=True)
    model.add_argument("--checkpoint", type=Path, help="saved by `codecfake train`")
    model.add_argument("--entry", type=json.loads, help="entry of a pretrained detector in detectors.yaml, as JSON")
    verb.add_argument("--batch-size", type=int, required=True)
    add_trials(verb)
    add_job_device(verb)
    add_fetch_options(verb)
    add_score_outputs(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake.detectors import loading
    from codecfake.evaluation.scoring import score_protocol
    from codecfake.evaluation.tables import write_scores
    from codecfake.trials import waveform_cache
    from codecfake.trials.protocol import read_trials

    checkpoint = model_files(args.entry, vars(args))["checkpoint"] if args.entry else args.checkpoint
    waveforms = waveform_cache.waveforms(args.waveforms, args.workers)
    with own_device(args) as device:
        model = loading.load(checkpoint, args.detector, device, args.entry)
        scores = score_protocol(model, read_trials(args.protocols), waveforms, args.batch_size, args.workers)
    write_scores(scores, read_trials(args.codecs), args.out, args.other)
