"""Whether our resynthesis is the published one.

Compares two released sets codec by codec, over utterances in both: a folder of CODEC+UTTERANCE.wav, zip archives of
such, the published Parquet files, or a run's resynthesised/. Prints mean [least, most]. Ours is brought to the
published file's rate, and put in time with it once length and lag are measured.
"""

import argparse
from pathlib import Path

from codecfake.cli.options import positive
from codecfake.cli.printing import print_table

EXAMPLE = (
    "codecfake fidelity results/vctk/published/resynthesised CodecFake_wavs/ --codecs encodec_24khz --utterances 20 "
    "--out fidelity.tsv"
)


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("ours", type=Path, metavar="OURS")
    verb.add_argument("published", type=Path, metavar="PUBLISHED")
    verb.add_argument("--codecs", nargs="+", default=[], metavar="NAME", help="default: all that are in both")
    verb.add_argument("--utterances", type=positive, default=100, metavar="N", help="of a codec at most (default 100)")
    verb.add_argument("--workers", type=positive, default=1, metavar="N", help="utterances compared at a time")
    verb.add_argument("--out", type=Path, metavar="FILE", help="a table (TSV) of the same: codec, measure, figures")
    verb.add_argument("--json", action="store_true", help="print a list of objects instead")


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora import released
    from codecfake.data import tables
    from codecfake.quality import fidelity

    ours, published = released.open_set(args.ours), released.open_set(args.published)
    table = fidelity.compare(ours, published, args.codecs, args.utterances, args.workers)
    if args.out:
        tables.write(table, fidelity.Fidelity, args.out)
    if args.json:
        print(table.to_json(orient="records", indent=2))
        return
    print_table(fidelity.readable(table))
    print()
    print_table(list(fidelity.MEASURES.items()))
