"""The verbs that rules call, from what detectors hear to the report."""

import argparse
import json
from functools import partial
from pathlib import Path

from codecfake.cli.options import (
    add_fetch_options,
    add_rule,
    add_training,
    add_trials,
    add_workers,
    device_options,
    named_path,
)
from codecfake.cli.shared import model_files, own_device, train_by
from codecfake.names import RANDOM, TRIVIAL


def add_verbs(verbs) -> None:
    """Add the verbs of the rules after the protocols."""
    add = partial(add_rule, verbs)

    verb = add("waveforms", waveforms, "a codec's shards, decoded and resampled, to be memory-mapped")
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    add_workers(verb)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("condition", condition, "eval speech under a condition")
    verb.add_argument("--condition", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="of conditions.yaml, as JSON")
    add_trials(verb)
    verb.add_argument("--out-protocol", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("train", train, "train a detector")
    add_training(verb)
    verb.add_argument("--classes", type=json.loads, help="of each codec, among which spoof is balanced, as JSON")

    verb = add("score-protocol", score_protocol, "CM scores of the dev and eval trials of protocols")
    verb.add_argument("--detector", required=True)
    model = verb.add_mutually_exclusive_group(required=True)
    model.add_argument("--checkpoint", type=Path, help="as `codecfake train` saved it")
    model.add_argument("--entry", type=json.loads, help="of detectors.yaml, of one that others trained, as JSON")
    verb.add_argument("--batch-size", type=int, required=True)
    add_trials(verb)
    device_options(verb)
    add_fetch_options(verb)
    _score_outputs(verb)

    verb = add("score-baseline", score_baseline, "scores of chance, or of trivial features")
    verb.add_argument("--baseline", choices=[RANDOM, TRIVIAL], required=True)
    verb.add_argument("--seed", type=int, required=True)
    add_trials(verb)
    _score_outputs(verb)

    verb = add("keys", keys, "keys and protocols in the forms of the ASVspoof challenges")
    verb.add_argument("--protocols", type=Path, nargs="+", required=True, help="of bona fide speech and all codecs")
    verb.add_argument("--key", type=Path, required=True)
    verb.add_argument("--splits", type=named_path, nargs="+", required=True, metavar="SPLIT=FILE")

    verb = add("matrix", matrix, "every metric of every detector and column")
    _evaluation_options(verb)
    verb.add_argument("--trained-on", type=json.loads, required=True, help="codecs of each row, as JSON")
    verb.add_argument("--speakers", type=Path, required=True)
    verb.add_argument("--reference", required=True, help="the row that others are compared with")
    verb.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    for kind in ("tsv", "json", "png", "metrics", "breakdown", "significance"):
        verb.add_argument(f"--{kind}", type=Path, required=True)

    verb = add("report", report, "the HTML report")
    verb.add_argument("--run", dest="settings", type=Path, required=True, help="the resolved config")
    verb.add_argument("--out", type=Path, required=True)


def _score_outputs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codecs", type=Path, nargs="+", required=True, help="protocols whose eval trials go to --out")
    verb.add_argument("--out", type=Path, required=True)
    verb.add_argument("--other", type=Path, required=True, help="for dev, conditions, sets")


def _evaluation_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--scores", type=named_path, nargs="+", required=True, metavar="ROW@SEED=FILE")
    verb.add_argument("--protocols", type=named_path, nargs="+", required=True, metavar="COLUMN=FILE")


def waveforms(args: argparse.Namespace) -> None:
    from codecfake.heard import describe_shards

    describe_shards(args.out, args.shards, args.workers)


def condition(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.evaluation_sets import condition_protocol
    from codecfake.heard import describe_condition

    describe_condition(args.out, args.condition, args.entry, args.protocols, args.heard, args.workers)
    protocol = condition_protocol(args.condition, manifest.read_trials(args.protocols))
    manifest.write(protocol, manifest.Protocol, args.out_protocol)


def train(args: argparse.Namespace) -> None:
    from codecfake.train import save, train

    train_by(args, args.entry, partial(train, classes=args.classes), save)


def score_protocol(args: argparse.Namespace) -> None:
    from codecfake import detectors, heard, manifest
    from codecfake.score import score_protocol

    published = model_files(args.entry, vars(args))["checkpoint"] if args.entry else None
    waveforms = heard.waveforms(args.heard, args.workers)
    with own_device(args) as device:
        if published:
            model = detectors.load_published(args.entry, published, device)
        else:
            model = detectors.load(args.checkpoint, args.detector, device)
        scores = score_protocol(model, manifest.read_trials(args.protocols), waveforms, args.batch_size, args.workers)
    _write_scores(scores, args)


def score_baseline(args: argparse.Namespace) -> None:
    from codecfake import heard, manifest, score

    trials = manifest.read_trials(args.protocols)
    if args.baseline == RANDOM:
        scores = score.score_randomly(trials, args.seed)
    else:
        scores = score.score_by_features(trials, heard.waveforms(args.heard, args.workers))
    _write_scores(scores, args)


def _write_scores(scores, args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.waveforms import trial_names

    trials = manifest.read_trials(args.codecs)
    main = scores["filename"].isin(trial_names(trials[trials["split"] == "eval"]))
    manifest.write(scores[~main], manifest.Scores, args.other)
    manifest.write(scores[main], manifest.Scores, args.out)


def keys(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.exchange import write_key, write_protocol

    trials = manifest.read_trials(args.protocols)
    for split, path in args.splits:
        write_protocol(trials[trials["split"] == split], path)
    write_key(trials[trials["split"] == "eval"], args.key)


def matrix(args: argparse.Namespace) -> None:
    from codecfake import evaluate, manifest, plots
    from codecfake.files import write_bytes

    evaluation = evaluate.read(args.scores, dict(args.protocols))
    genders = manifest.read(args.speakers, manifest.Speakers).set_index("speaker_id")["gender"].to_dict()
    table = evaluate.metrics_table(evaluation, args.trained_on, args.seed)
    manifest.write(evaluate.breakdown(evaluation, genders), manifest.Breakdown, args.breakdown)
    significance = evaluate.significance(evaluation, args.reference, args.seed)
    manifest.write(significance, manifest.Significance, args.significance)
    manifest.write(table, manifest.Metrics, args.metrics)
    evaluate.write_matrix(table, args.tsv, args.json)
    write_bytes(args.png, plots.heatmap(evaluate.eer_matrix(table)))


def report(args: argparse.Namespace) -> None:
    from codecfake import findings
    from codecfake.report import write_report

    write_report(args.out, **findings.read(json.loads(args.settings.read_text(encoding="utf-8"))))
