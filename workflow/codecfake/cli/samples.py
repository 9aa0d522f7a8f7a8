"""The verb that makes the samples page."""

import argparse
import json
from pathlib import Path

from codecfake.cli.options import add_rule, named_path


def add_verbs(verbs) -> None:
    """Add the verb of the samples page."""
    verb = add_rule(verbs, "samples", samples, "the page to listen to a few utterances in every codec")
    verb.add_argument("--run", dest="settings", type=Path, required=True, help="the resolved config")
    for table in ("utterances", "splits", "resynthesised", "metrics"):
        verb.add_argument(f"--{table}", type=Path, required=True)
    verb.add_argument("--scores", type=named_path, nargs="+", required=True, metavar="ROW@SEED=FILE")
    verb.add_argument("--out", type=Path, required=True, help="the page; its folder is replaced")


def samples(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.evaluate import read_scores
    from codecfake.samples import dev_thresholds, write_samples

    run = json.loads(args.settings.read_text(encoding="utf-8"))
    utterances = manifest.read(args.utterances, manifest.Utterances)
    write_samples(
        args.out.parent,
        run=run,
        utterances=utterances.merge(manifest.read(args.splits, manifest.Splits), on="speaker_id"),
        resynthesised=args.resynthesised,
        codecs=list(run["codec_entries"]),
        scores=read_scores(args.scores),
        thresholds=dev_thresholds(manifest.read(args.metrics, manifest.Metrics)),
    )
