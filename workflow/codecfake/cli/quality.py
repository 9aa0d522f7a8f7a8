"""The verbs about how good codecs sound, and how near our resynthesis is to the published one."""

import argparse
from pathlib import Path

from codecfake.cli.options import add_rule, positive
from codecfake.cli.shared import print_table


def add_verbs(verbs) -> None:
    """Add `fidelity`, the user's, and `quality` and `quality-table`, which rules call."""
    verb = verbs.add_parser(
        "fidelity",
        help="whether our resynthesis is the published one",
        description="Compares two released sets codec by codec, over utterances in both: a folder of "
        "CODEC+UTTERANCE.wav, zip archives of such, the published Parquet files, or a run's resynthesised/. Tells mean "
        "[least, most]. Ours is brought to the published file's rate, and put in time with it once length and lag "
        "are told.",
        epilog="example: codecfake fidelity results/vctk/resynthesised CodecFake_wavs/ --codecs encodec_24khz "
        "--utterances 20 --out fidelity.tsv",
    )
    verb.add_argument("ours", type=Path, metavar="OURS")
    verb.add_argument("published", type=Path, metavar="PUBLISHED")
    verb.add_argument("--codecs", nargs="+", default=[], metavar="NAME", help="default: all that are in both")
    verb.add_argument("--utterances", type=positive, default=100, metavar="N", help="of a codec at most (default 100)")
    verb.add_argument("--workers", type=positive, default=1, metavar="N", help="utterances compared at a time")
    verb.add_argument("--out", type=Path, metavar="FILE", help="a table (TSV) of the same: codec, measure, figures")
    verb.add_argument("--json", action="store_true", help="print a list of objects instead")
    verb.set_defaults(run=fidelity)

    verb = add_rule(verbs, "quality", quality, "measures of a codec's eval utterances against their bona fide")
    verb.add_argument("--codec", required=True)
    verb.add_argument("--bonafide", type=Path, nargs="+", required=True, help="shards of bona fide speech")
    verb.add_argument("--shards", type=Path, nargs="+", required=True, help="of the codec")
    verb.add_argument("--protocol", type=Path, required=True, help="of the codec")
    verb.add_argument("--utterances", type=positive, required=True, help="at most; the same of every codec")
    verb.add_argument("--workers", type=positive, default=1, help="utterances measured at a time")
    verb.add_argument("--out", type=Path, required=True)

    verb = add_rule(verbs, "quality-table", quality_table, "the mean quality of codecs, with intervals")
    verb.add_argument("--quality", type=Path, nargs="+", required=True, help="tables that `quality` wrote")
    verb.add_argument("--seed", type=int, required=True)
    verb.add_argument("--out", type=Path, required=True)


def fidelity(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.quality import fidelity
    from codecfake.release import released

    ours, published = released.open_set(args.ours), released.open_set(args.published)
    table = fidelity.compare(ours, published, args.codecs, args.utterances, args.workers)
    if args.out:
        manifest.write(table, fidelity.Fidelity, args.out)
    if args.json:
        print(table.to_json(orient="records", indent=2))
        return
    print_table(fidelity.readable(table))
    print()
    print_table(list(fidelity.MEASURES.items()))


def quality(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.quality.quality_table import Quality, measure

    trials = manifest.read(args.protocol, manifest.Protocol)
    table = measure(args.codec, args.bonafide, args.shards, trials, args.utterances, args.workers)
    manifest.write(table, Quality, args.out)


def quality_table(args: argparse.Namespace) -> None:
    import pandas as pd

    from codecfake import manifest
    from codecfake.quality.quality_table import Quality, QualitySummary, summary

    table = pd.concat([manifest.read(path, Quality) for path in args.quality], ignore_index=True)
    manifest.write(summary(table, args.seed), QualitySummary, args.out)
