"""Score trials at random or by trivial features."""

import argparse

from codecfake.cli.options import add_score_outputs, add_trials
from codecfake.util.constants import RANDOM, TRIVIAL


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--baseline", choices=[RANDOM, TRIVIAL], required=True)
    verb.add_argument("--seed", type=int, required=True)
    add_trials(verb)
    add_score_outputs(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake.evaluation.baseline_scoring import score_by_features, score_randomly
    from codecfake.evaluation.tables import write_scores
    from codecfake.trials import waveform_cache
    from codecfake.trials.protocol import read_trials

    trials = read_trials(args.protocols)
    if args.baseline == RANDOM:
        scores = score_randomly(trials, args.seed)
    else:
        scores = score_by_features(trials, waveform_cache.waveforms(args.waveforms, args.workers))
    write_scores(scores, read_trials(args.codecs), args.out, args.other)
