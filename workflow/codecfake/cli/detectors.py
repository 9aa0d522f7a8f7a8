"""List the available detectors."""

import argparse

from codecfake.cli.printing import print_table

EXAMPLE = "codecfake detectors"


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add no option."""


def run(args: argparse.Namespace) -> None:
    from codecfake.pipeline import config

    rows = [("detector", "module", "Hz", "weights")]
    for name, entry in config.detectors().items():
        published = "published" if "checkpoint" in entry.get("files", {}) else "to be trained"
        rows.append((name, entry["module"], str(entry["sample_rate"]), published))
    print_table(rows)
