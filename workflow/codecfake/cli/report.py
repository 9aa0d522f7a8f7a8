"""Write the HTML report."""

import argparse
from pathlib import Path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--run", dest="settings", type=Path, required=True, help="resolved config of the run")
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.report import results
    from codecfake.report.page import write_report
    from codecfake.util.files import read_json

    write_report(args.out, results.read(read_json(args.settings)))
