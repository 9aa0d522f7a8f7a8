"""Compute all metrics of all detectors on all evaluation columns."""

import argparse
import json
from pathlib import Path

from codecfake.cli.detector_scores import add_detector_scores
from codecfake.cli.options import named_path


def add_options(verb: argparse.ArgumentParser) -> None:
    add_detector_scores(verb)
    verb.add_argument("--protocols", type=named_path, nargs="+", required=True, metavar="COLUMN=FILE")
    verb.add_argument("--trained-on", type=json.loads, required=True, help="training codecs of each row, as JSON")
    verb.add_argument("--speakers", type=Path, required=True)
    verb.add_argument("--reference", required=True, help="row that the others are compared with")
    verb.add_argument("--seed", type=int, required=True, help="seed of the bootstrap of paired comparisons")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the matrix and the tables")


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.tables import Speakers
    from codecfake.data import tables
    from codecfake.data.result_files import MatrixFiles, within
    from codecfake.evaluation import figures, matrix
    from codecfake.evaluation.cells import read_evaluation
    from codecfake.evaluation.tables import Breakdown, Metrics, Significance
    from codecfake.util.files import write_bytes

    out = within(args.out, MatrixFiles)
    evaluation = read_evaluation(args.scores, dict(args.protocols))
    genders = tables.read(args.speakers, Speakers).set_index("speaker_id")["gender"].to_dict()
    table = matrix.metrics_table(evaluation, args.trained_on)
    tables.write(matrix.breakdown(evaluation, genders), Breakdown, out.breakdown)
    tables.write(matrix.significance(evaluation, args.reference, args.seed), Significance, out.significance)
    tables.write(table, Metrics, out.metrics)
    matrix.write_matrix(table, out.tsv, out.json)
    write_bytes(out.png, figures.heatmap(matrix.eer_matrix(table)))
