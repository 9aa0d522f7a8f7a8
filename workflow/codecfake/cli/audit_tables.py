"""Summarise cues: audit, ranges, probe and duplicates tables, and a figure."""

import argparse
from pathlib import Path

from codecfake.cli.options import named_path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--cues", type=named_path, nargs="+", required=True, metavar="CODEC=FILE")
    verb.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    verb.add_argument(
        "--hops", type=int, nargs="+", required=True, help="codec hops (samples) that clip lengths are tested against"
    )
    for kind in ("table", "ranges", "probe", "duplicates", "plot"):
        verb.add_argument(f"--{kind}", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake.audit.cues import Cues
    from codecfake.audit.summary import audit
    from codecfake.data import tables

    audited = audit({codec: tables.read(path, Cues) for codec, path in args.cues}, args.seed, args.hops)
    write(audited, args.table, args.ranges, args.probe, args.duplicates, args.plot)


def write(audited, table: Path, ranges: Path, probe: Path, duplicates: Path, plot: Path) -> None:
    """Write the tables and the figure of an audit."""
    from codecfake.audit import plots
    from codecfake.audit.comparison import Duplicates, Ranges
    from codecfake.audit.probe import Probe
    from codecfake.audit.summary import Audit
    from codecfake.data import tables
    from codecfake.util.files import write_bytes

    tables.write(audited.ranges, Ranges, ranges)
    tables.write(audited.probe, Probe, probe)
    tables.write(audited.duplicates, Duplicates, duplicates)
    tables.write(audited.table, Audit, table)
    write_bytes(plot, plots.figure(audited.ranges, audited.probe))
