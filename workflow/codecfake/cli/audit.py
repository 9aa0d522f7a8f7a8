"""The verbs of the audit: the user's own, and those that rules call."""

import argparse
import json
import os
from pathlib import Path

from codecfake.cli.options import add_rule, named_path, positive
from codecfake.cli.shared import print_table

#: Of the user's verb, which has no run to take it from.
SEED = 0


def add_verbs(verbs) -> None:
    """Add `audit`, the user's, and `cues` and `audit-tables`, which rules call."""
    verb = verbs.add_parser(
        "audit",
        help="what besides the codec tells a set's spoof from its bona fide speech",
        description="Measures every clip of a set: format, length, level, silence, band, low bits, and delay and gain "
        "against the bona fide recording; says which codecs are the same, and what a probe, a logistic regression on "
        "such trivial cues, tells apart. A set: a folder of CODEC+UTTERANCE.wav, zip archives of such, the published "
        "Parquet files, or a run's resynthesised/; bona fide speech is called genuine or identity.",
        epilog="example: codecfake audit CodecFake_wavs/ --utterances 500 --out audit/",
    )
    verb.add_argument("path", type=Path, metavar="PATH", help="a folder, a zip archive or a Parquet file")
    verb.add_argument("--utterances", type=positive, metavar="N", help="so many of them (default: all)")
    cores = os.cpu_count() or 1
    verb.add_argument(
        "--workers", type=positive, default=cores, metavar="N", help=f"clips at a time (default: {cores})"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables, the figure and the verdicts")
    verb.add_argument("--json", action="store_true", help="print the tables as JSON instead")
    verb.set_defaults(run=audit)

    verb = add_rule(verbs, "cues", cues, "what is measurable of a codec's clips")
    verb.add_argument("--shards", type=Path, nargs="+", required=True, help="of the codec")
    verb.add_argument("--bonafide", type=Path, nargs="+", required=True, help="shards of bona fide speech")
    verb.add_argument("--workers", type=positive, default=1, help="clips measured at a time")
    verb.add_argument("--out", type=Path, required=True)

    verb = add_rule(verbs, "audit-tables", audit_tables, "what the cues tell")
    verb.add_argument("--cues", type=named_path, nargs="+", required=True, metavar="CODEC=FILE")
    verb.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    for kind in ("table", "ranges", "probe", "duplicates", "plot"):
        verb.add_argument(f"--{kind}", type=Path, required=True)


def audit(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.audit.audit import audit, readable, verdict_text
    from codecfake.audit.cues import Cues
    from codecfake.files import write_text

    cues = _measure(args)
    audited = audit(cues, SEED)
    if args.out:
        for codec, table in cues.items():
            manifest.write(table, Cues, args.out / f"cues/{codec}.tsv")
        names = ("audit.tsv", "ranges.tsv", "probe.tsv", "duplicates.tsv", "audit.png")
        _write(audited, *(args.out / name for name in names))
        write_text(args.out / "verdicts.txt", verdict_text(audited.table))
    if args.json:
        tables = {name: json.loads(table.to_json(orient="records")) for name, table in audited._asdict().items()}
        print(json.dumps(tables, indent=2))
        return
    print_table(readable(audited))
    print(f"\n{verdict_text(audited.table)}", end="")


def _measure(args: argparse.Namespace) -> dict:
    """`cues.Cues` by codec, of the utterances asked for: the same of every codec, chosen by their ids alone."""
    from codecfake.audit.audit import require_both
    from codecfake.audit.cues import cue_table
    from codecfake.names import IDENTITY
    from codecfake.release.released import open_set
    from codecfake.selection import stable_number

    found = open_set(args.path)
    require_both(found.codecs)
    clips = {codec: found.clips(codec) for codec in found.codecs}
    bonafide = [clip.utterance_id for clip in clips[IDENTITY]]
    chosen = set(sorted(bonafide, key=stable_number)[: args.utterances])
    parts = {codec: [clip for clip in some if clip.utterance_id in chosen] for codec, some in clips.items()}
    return {codec: cue_table(some, parts[IDENTITY], args.workers, codec) for codec, some in parts.items() if some}


def cues(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.audit.cues import Cues, cue_table
    from codecfake.release.holders import Parquet

    clips, bonafide = (
        [clip for path in paths for clip in Parquet(path).clips()] for paths in (args.shards, args.bonafide)
    )
    manifest.write(cue_table(clips, bonafide, args.workers, args.out.stem), Cues, args.out)


def audit_tables(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.audit.audit import audit
    from codecfake.audit.cues import Cues

    audited = audit({codec: manifest.read(path, Cues) for codec, path in args.cues}, args.seed)
    _write(audited, args.table, args.ranges, args.probe, args.duplicates, args.plot)


def _write(audited, table: Path, ranges: Path, probe: Path, duplicates: Path, plot: Path) -> None:
    from codecfake import manifest
    from codecfake.audit import audit_plots
    from codecfake.audit.audit import Audit
    from codecfake.audit.comparison import Duplicates, Ranges
    from codecfake.audit.probe import Probe
    from codecfake.files import write_bytes

    manifest.write(audited.ranges, Ranges, ranges)
    manifest.write(audited.probe, Probe, probe)
    manifest.write(audited.duplicates, Duplicates, duplicates)
    manifest.write(audited.table, Audit, table)
    write_bytes(plot, audit_plots.figure(audited.ranges, audited.probe))
