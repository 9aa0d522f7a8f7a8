"""Compute all metrics of a score file against a key.

The score file has columns filename and cm-score (as `codecfake score` and ASVspoof 5 write them), or lines that start
with a file name and end with its score. The key has columns filename and cm-label, or is an ASVspoof 2019, 2021 or 5
protocol with speakers and attacks. Higher scores mean more bona fide; scores are never negated. The EER has 95 %
intervals by speakers and by trials.
"""

import argparse
import json
import sys
from pathlib import Path

from codecfake.cli.printing import print_table

EXAMPLE = "codecfake evaluate scores.tsv ASVspoof2019.LA.cm.eval.trl.txt --against others.tsv"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("scores", type=Path, help="file of CM scores")
    verb.add_argument("key", type=Path, help="key or ASVspoof protocol with the labels")
    verb.add_argument(
        "--against", type=Path, metavar="SCORES", help="score file of another detector, for the paired difference"
    )
    verb.add_argument("--json", action="store_true", help="print metrics as JSON, with rates as fractions")


def run(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from codecfake.evaluation import assessment, asvspoof

    key, scores = asvspoof.read_key(args.key), asvspoof.read_scores(args.scores)
    table = assessment.assess(scores, key)
    compared = assessment.compare(scores, asvspoof.read_scores(args.against), key) if args.against else None
    if args.json:
        figures = {"metrics": json.loads(table.to_json(orient="index"))}
        print(json.dumps(figures | ({"against": asdict(compared)} if compared else {}), indent=2))
        return
    print_table(assessment.readable(table))
    if compared:
        print(assessment.readable_difference(compared))
    if (table["eer"] > 0.5).any():
        wrong = ", ".join(table.index[table["eer"] > 0.5])
        print(
            f"warning: EER above 50 % on {wrong}: bona fide scores below spoof; check the sign of the scores",
            file=sys.stderr,
        )
