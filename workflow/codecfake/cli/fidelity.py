"""Compare a resynthesised set with the published one.

Compares two sets codec by codec, over the utterances that both have. A set is a folder of CODEC+UTTERANCE.wav files,
zip archives of such files, the published Parquet files, or a run's resynthesised/. Prints the mean [minimum, maximum]
of each measure. OURS is resampled to the published file's sample rate and, after length and lag are measured, aligned
with it.
"""

import argparse
from pathlib import Path

from codecfake.cli.options import positive
from codecfake.cli.printing import print_table

EXAMPLE = (
    "codecfake fidelity results/codecfake/published/resynthesised CodecFake_wavs/ --codecs encodec_24khz "
    "--utterances 20 --out fidelity.tsv"
)


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("ours", type=Path, metavar="OURS", help="the set to check")
    verb.add_argument("published", type=Path, metavar="PUBLISHED", help="the set to compare with")
    verb.add_argument(
        "--codecs", nargs="+", default=[], metavar="NAME", help="codecs to compare (default: all codecs in both sets)"
    )
    verb.add_argument("--utterances", type=positive, default=100, metavar="N", help="maximum per codec (default: 100)")
    verb.add_argument(
        "--workers", type=positive, default=1, metavar="N", help="utterances compared in parallel (default: 1)"
    )
    verb.add_argument(
        "--out", type=Path, metavar="FILE", help="TSV file for the results: one row per codec and measure"
    )
    verb.add_argument("--json", action="store_true", help="print the results as a JSON list of objects")


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
