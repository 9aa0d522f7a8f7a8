"""What besides the codec tells a set's spoof from its bona fide speech.

Measures every clip of a set: format, length, level, silence, band, low bits, and delay and gain against the bona fide
recording; says which codecs are the same, and what a probe, a logistic regression on such trivial cues, tells apart. A
set: a folder of CODEC+UTTERANCE.wav, zip archives of such, the published Parquet files, or a run's resynthesised/; bona
fide speech is called genuine or identity.
"""

import argparse
import json
import os
from pathlib import Path

from codecfake.cli.audit_tables import write
from codecfake.cli.options import positive
from codecfake.cli.printing import print_table

EXAMPLE = "codecfake audit CodecFake_wavs/ --utterances 500 --out audit/"
#: A run's seed is in its config; here there is none.
SEED = 0


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("path", type=Path, metavar="PATH", help="a folder, a zip archive or a Parquet file")
    verb.add_argument("--utterances", type=positive, metavar="N", help="at most so many of each codec (default: all)")
    cores = os.cpu_count() or 1
    verb.add_argument(
        "--workers", type=positive, default=cores, metavar="N", help=f"clips at a time (default: {cores})"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables, the figure and the verdicts")
    verb.add_argument("--json", action="store_true", help="print the tables as JSON instead")


def run(args: argparse.Namespace) -> None:
    from codecfake.audit.cues import Cues
    from codecfake.audit.summary import audit, readable, verdict_text
    from codecfake.data import tables
    from codecfake.pipeline.config import hops
    from codecfake.util.files import write_text

    cues = _measure(args)
    audited = audit(cues, SEED, hops())
    if args.out:
        for codec, table in cues.items():
            tables.write(table, Cues, args.out / f"cues/{codec}.tsv")
        names = ("audit.tsv", "ranges.tsv", "probe.tsv", "duplicates.tsv", "audit.png")
        write(audited, *(args.out / name for name in names))
        write_text(args.out / "verdicts.txt", verdict_text(audited.table))
    if args.json:
        records = {name: json.loads(table.to_json(orient="records")) for name, table in audited._asdict().items()}
        print(json.dumps(records, indent=2))
        return
    print_table(readable(audited))
    print(f"\n{verdict_text(audited.table)}", end="")


def _measure(args: argparse.Namespace) -> dict:
    """`cues.Cues` by codec, of the utterances asked for: the same of every codec, chosen by their ids alone."""
    from codecfake.audit.cues import cue_table
    from codecfake.audit.summary import require_both
    from codecfake.corpora.released import open_set
    from codecfake.util.constants import IDENTITY
    from codecfake.util.hashing import stable_number

    found = open_set(args.path)
    require_both(found.codecs)
    clips = {codec: found.clips(codec) for codec in found.codecs}
    bonafide = [clip.utterance_id for clip in clips[IDENTITY]]
    chosen = set(sorted(bonafide, key=stable_number)[: args.utterances])
    parts = {codec: [clip for clip in some if clip.utterance_id in chosen] for codec, some in clips.items()}
    return {codec: cue_table(some, parts[IDENTITY], args.workers, codec) for codec, some in parts.items() if some}
