"""Summarise cues: audit, ranges, probe and duplicates tables, and a figure."""

import argparse
from pathlib import Path

from codecfake.cli.options import named_path


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--cues", type=named_path, nargs="+", required=True, metavar="CODEC=FILE")
    verb.add_argument(
        "--hops", type=int, nargs="+", required=True, help="codec hops (samples) that clip lengths are tested against"
    )
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the tables and the figure")


def run(args: argparse.Namespace) -> None:
    from codecfake.audit.cues import Cues
    from codecfake.audit.summary import audit
    from codecfake.data import tables

    audited = audit({codec: tables.read(path, Cues) for codec, path in args.cues}, args.hops)
    write(audited, args.out)


def write(audited, folder: Path) -> None:
    """Write the tables and the figure of an audit to a folder."""
    from codecfake.audit import plots
    from codecfake.audit.comparison import Duplicates, Ranges
    from codecfake.audit.probe import Probe
    from codecfake.audit.summary import Audit
    from codecfake.data import tables
    from codecfake.data.result_files import AuditFiles, within
    from codecfake.util.files import write_bytes

    out = within(folder, AuditFiles)
    tables.write(audited.ranges, Ranges, out.ranges)
    tables.write(audited.probe, Probe, out.probe)
    tables.write(audited.duplicates, Duplicates, out.duplicates)
    tables.write(audited.table, Audit, out.table)
    write_bytes(out.plot, plots.figure(audited.ranges, audited.probe))
