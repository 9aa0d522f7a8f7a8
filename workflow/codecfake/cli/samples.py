"""Write the samples page: a few utterances in every codec, to listen to."""

import argparse
from pathlib import Path

from codecfake.cli.detector_scores import add_detector_scores


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--run", dest="settings", type=Path, required=True, help="resolved config of the run")
    for table in ("utterances", "splits", "resynthesised", "metrics"):
        verb.add_argument(f"--{table}", type=Path, required=True)
    add_detector_scores(verb)
    verb.add_argument("--out", type=Path, required=True, help="HTML file; its folder is replaced")


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.tables import Splits, Utterances
    from codecfake.data import tables
    from codecfake.evaluation.cells import read_scores
    from codecfake.evaluation.tables import Metrics
    from codecfake.report.samples_page import dev_thresholds, write_samples
    from codecfake.util.files import read_json

    settings = read_json(args.settings)
    utterances = tables.read(args.utterances, Utterances)
    write_samples(
        args.out.parent,
        run=settings,
        utterances=utterances.merge(tables.read(args.splits, Splits), on="speaker_id"),
        resynthesised=args.resynthesised,
        codecs=list(settings["codec_entries"]),
        scores=read_scores(args.scores),
        thresholds=dev_thresholds(tables.read(args.metrics, Metrics)),
    )
