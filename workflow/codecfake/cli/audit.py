"""Find shortcuts: differences between a set's spoof and bona fide speech that are not codec artefacts.

Measures format, length, level, silence, bandwidth and low bits of every clip, and its delay and gain relative to the
bona fide recording. Reports which codecs have identical clips, and how well a probe (a logistic regression on such
trivial cues) separates the classes. A set is a folder of CODEC+UTTERANCE.wav files, zip archives of such files, the
published Parquet files, or a run's resynthesised/; its bona fide speech is named genuine or identity.
"""

import argparse
import json
import os
from pathlib import Path

from codecfake.cli.audit_tables import write
from codecfake.cli.options import positive
from codecfake.cli.printing import print_table

EXAMPLE = "codecfake audit CodecFake_wavs/ --utterances 500 --out audit/"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("path", type=Path, metavar="PATH", help="a folder, a zip archive or a Parquet file")
    verb.add_argument(
        "--speaker-pattern",
        metavar="REGEX",
        help="begins every utterance's name; its first group is the speaker (default: the part before the last _)",
    )
    verb.add_argument("--utterances", type=positive, metavar="N", help="maximum per codec (default: all)")
    cores = os.cpu_count() or 1
    verb.add_argument(
        "--workers", type=positive, default=cores, metavar="N", help=f"clips measured in parallel (default: {cores})"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder for the tables, the figure and the verdicts")
    verb.add_argument("--json", action="store_true", help="print the tables as JSON")


def run(args: argparse.Namespace) -> None:
    from codecfake.audit.cues import Cues
    from codecfake.audit.summary import audit, readable, verdict_text
    from codecfake.data import tables
    from codecfake.pipeline.config import hops
    from codecfake.util.files import write_text

    cues = _measure(args)
    audited = audit(cues, hops())
    if args.out:
        for codec, table in cues.items():
            tables.write(table, Cues, args.out / f"cues/{codec}.tsv")
        write(audited, args.out)
        write_text(args.out / "verdicts.txt", verdict_text(audited.table))
    if args.json:
        records = {name: json.loads(table.to_json(orient="records")) for name, table in audited._asdict().items()}
        print(json.dumps(records, indent=2))
        return
    print_table(readable(audited))
    print(f"\n{verdict_text(audited.table)}", end="")


def _measure(args: argparse.Namespace) -> dict:
    """Return `cues.Cues` by codec. All codecs use the same utterances, chosen by a hash of their ids."""
    from codecfake.audit.cues import cue_table
    from codecfake.audit.summary import require_both
    from codecfake.corpora.released import open_set
    from codecfake.util.constants import IDENTITY
    from codecfake.util.hashing import stable_number

    found = open_set(args.path, args.speaker_pattern)
    require_both(found.codecs)
    clips = {codec: found.clips(codec) for codec in found.codecs}
    bonafide = [clip.utterance_id for clip in clips[IDENTITY]]
    chosen = set(sorted(bonafide, key=stable_number)[: args.utterances])
    parts = {codec: [clip for clip in some if clip.utterance_id in chosen] for codec, some in clips.items()}
    return {codec: cue_table(some, parts[IDENTITY], args.workers, codec) for codec, some in parts.items() if some}
