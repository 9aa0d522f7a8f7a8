"""The user's verbs about scores: of audio, and how good they are."""

import argparse
import json
import sys
from pathlib import Path

from codecfake.cli.options import add_audio_files, add_fetch_options
from codecfake.cli.shared import model_files, print_table, tell_files
from codecfake.errors import ConfigError


def add_verbs(verbs) -> None:
    verb = verbs.add_parser(
        "score",
        help="CM scores of audio files, or of all in folders",
        description="Tells filename and cm-score of each file. Higher = more bona fide. A file that cannot be scored "
        "is named on standard error, the others are scored all the same, and the exit code is 1.",
        epilog="example: codecfake score --detector aasist_2019 recordings/ speech.wav --out scores.tsv",
    )
    verb.add_argument("--detector", required=True, metavar="NAME", help="a name of `codecfake detectors`")
    verb.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="as `codecfake train` saved it; without it, published weights"
    )
    add_audio_files(verb)
    add_fetch_options(verb)
    verb.set_defaults(run=score)

    verb = verbs.add_parser(
        "evaluate",
        help="every metric of anyone's score file",
        description="Scores: filename and cm-score, as `codecfake score` and ASVspoof 5 have them, or lines of a file "
        "and, last, its score. Key: filename and cm-label, or a protocol of ASVspoof 2019, 2021 or 5 with speakers and "
        "attacks. Higher = more bona fide; nothing is flipped. Intervals: 95 %, of the EER, by speakers and by trials.",
        epilog="example: codecfake evaluate scores.tsv ASVspoof2019.LA.cm.eval.trl.txt --against others.tsv",
    )
    verb.add_argument("scores", type=Path)
    verb.add_argument("key", type=Path)
    verb.add_argument("--against", type=Path, metavar="SCORES", help="another detector's, for the paired difference")
    verb.add_argument("--json", action="store_true", help="figures as JSON, rates as fractions")
    verb.set_defaults(run=evaluate)


def score(args: argparse.Namespace) -> None:
    from codecfake import compute, config
    from codecfake.score import audio_files, score_files

    entry, paths = config.entry(config.detectors(), args.detector, "detector"), audio_files(args.inputs)
    model = _detector(args, entry, compute.device(args.device))
    print("cm-score: higher = more bona fide", file=sys.stderr)
    head, found = ("filename", "cm-score"), score_files(model, paths)
    tell_files(args, found, len(paths), head, lambda score: (round(score, 6),), "scored")


def _detector(args: argparse.Namespace, entry: dict, device: str):
    """The detector of a checkpoint, or as its authors published it."""
    from codecfake import config, detectors

    if args.checkpoint:
        return detectors.load(args.checkpoint, args.detector, device)
    if "checkpoint" not in entry.get("files", {}):
        raise ConfigError(f"--checkpoint: {args.detector!r} has no published weights; name a file with your own")
    entry = config.pretrained(args.detector)
    return detectors.load_published(entry, model_files(entry, vars(args))["checkpoint"], device)


def evaluate(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from codecfake import exchange

    key, scores = exchange.read_key(args.key), exchange.read_scores(args.scores)
    table = exchange.assess(scores, key)
    compared = exchange.compare(scores, exchange.read_scores(args.against), key) if args.against else None
    if args.json:
        told = {"metrics": json.loads(table.to_json(orient="index"))}
        print(json.dumps(told | ({"against": asdict(compared)} if compared else {}), indent=2))
        return
    print_table(exchange.readable(table))
    if compared:
        print(exchange.readable_difference(compared))
    if (table["eer"] > 0.5).any():
        wrong = ", ".join(table.index[table["eer"] > 0.5])
        print(
            f"warning: EER above 50 % on {wrong}: bona fide scores below spoof; is higher = more bona fide?",
            file=sys.stderr,
        )
