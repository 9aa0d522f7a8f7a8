"""List the available codecs."""

import argparse

from codecfake.cli.options import add_fetch_options
from codecfake.cli.printing import print_table

EXAMPLE = "codecfake codecs --mirror /data/mirror"


def add_options(verb: argparse.ArgumentParser) -> None:
    add_fetch_options(verb)


def run(args: argparse.Namespace) -> None:
    from codecfake.fetch.download import Places
    from codecfake.pipeline import config
    from codecfake.util.files import REPOSITORY

    places = Places.of(vars(args))
    rows = [("codec", "family", "Hz", "hop", "n_q", "kbps", "parameters", "licence of weights", "files")]
    for name, entry in config.codecs().items():
        files = [
            REPOSITORY / key if key.startswith("checkpoints/") else places.local(key) for key in entry["files"].values()
        ]
        there = "here" if all(path and path.is_file() for path in files) else "to be fetched"
        millions = f"{entry['parameters'] / 1e6:.2f} M" if "parameters" in entry else "-"
        numbers = [str(entry.get(key, "-")) for key in ("sample_rate", "hop", "n_q", "bandwidth_kbps")]
        rows.append((name, entry["family"], *numbers, millions, entry["licence"]["weights"], there))
    print_table(rows)
