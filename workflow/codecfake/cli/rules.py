"""The verbs that rules call, up to the protocols: everything they need comes as options, config entries as JSON."""

import argparse
import json
from functools import partial
from pathlib import Path

from codecfake.cli.options import add_fetch_options, add_matched, add_recipe, add_rule, device_options
from codecfake.cli.shared import codec_files, open_corpus, own_device
from codecfake.names import MATCHED, RECIPES


def add_verbs(verbs) -> None:
    """Add the verbs of the rules up to the protocols."""
    add = partial(add_rule, verbs)
    verb = add("corpus", corpus, "read a corpus's recordings and list its utterances and speakers")
    verb.add_argument("--corpus", type=json.loads, required=True, help="the config's section, as JSON")
    verb.add_argument("--shards", type=int, required=True)
    verb.add_argument("--workers", type=int, default=1, help="recordings read at a time")
    add_fetch_options(verb)
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--left-out", type=Path, required=True)
    verb.add_argument("--speakers", type=Path, required=True)

    verb = add("splits", splits, "which split each speaker is in")
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--speakers", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("source-shard", source_shard, "a corpus's recordings as a shard")
    verb.add_argument("--corpus", type=json.loads, required=True)
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--shard", type=int, required=True)
    add_fetch_options(verb)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("evaluation-set", evaluation_set, "a folder of bona fide and spoof recordings as a shard")
    verb.add_argument("--name", required=True)
    verb.add_argument("--folder", type=Path, required=True, help="with bonafide/ and spoof/")
    verb.add_argument("--out", type=Path, required=True)

    verb = add("resynthesise-shard", resynthesise_shard, "a shard through a codec")
    verb.add_argument("--codec", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="of codecs.yaml, as JSON")
    verb.add_argument("--label", choices=["bonafide", "spoof"], required=True)
    add_recipe(verb, [*RECIPES, MATCHED])
    add_matched(verb)
    add_fetch_options(verb)
    device_options(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("set-protocol", set_protocol, "the trials of an evaluation set")
    verb.add_argument("--shard", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)

    verb = add("protocol", protocol, "the trials of a codec")
    verb.add_argument("--utterances", type=Path, required=True)
    verb.add_argument("--splits", type=Path, required=True)
    verb.add_argument("--shards", type=Path, nargs="+", required=True)
    verb.add_argument("--out", type=Path, required=True)


def corpus(args: argparse.Namespace) -> None:
    from codecfake import manifest
    from codecfake.listing import list_utterances
    from codecfake.selection import choose, relevant

    opened = open_corpus(args.corpus, vars(args))
    chosen = choose(opened.recordings(), opened.speakers(), args.corpus)
    listing = list_utterances(opened, chosen, args.corpus.get("on_bad_audio", "fail"), args.workers)
    left_out = listing.left_out + relevant(opened.gaps(), chosen, args.corpus)
    speakers = manifest.speaker_table(listing.utterances, left_out, opened.speakers())
    manifest.write(speakers, manifest.Speakers, args.speakers)
    manifest.write(manifest.left_out_table(left_out), manifest.LeftOutUtterances, args.left_out)
    manifest.write(manifest.utterance_table(listing.utterances, args.shards), manifest.Utterances, args.utterances)


def splits(args: argparse.Namespace) -> None:
    from codecfake import manifest, selection

    table = manifest.read(args.speakers, manifest.Speakers)
    speakers = manifest.speakers_with_utterances(table)
    assigned = selection.assign_splits(speakers, table["speaker_id"], args.corpus)
    manifest.write(manifest.split_table(assigned), manifest.Splits, args.out)


def source_shard(args: argparse.Namespace) -> None:
    from codecfake import manifest, store
    from codecfake.resynthesise import source_rows

    table = manifest.read(args.utterances, manifest.Utterances)
    members = manifest.utterances_of_shard(table, args.shard)
    store.write_shard(args.out, source_rows(open_corpus(args.corpus, vars(args)), members))


def evaluation_set(args: argparse.Namespace) -> None:
    from codecfake import store
    from codecfake.evaluation_sets import set_rows

    store.write_shard(args.out, set_rows(args.name, args.folder.expanduser()))


def resynthesise_shard(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.files import code_digest, digest
    from codecfake.matching import Matching
    from codecfake.resynthesise import resynthesise_shard

    files = codec_files(args.entry, vars(args))
    matching = Matching(**args.matched) if args.recipe == MATCHED else None
    recipe = "clean" if matching else args.recipe
    making = digest(json.dumps(args.entry), code_digest())
    with own_device(args) as device:
        codec = codecs.load(args.entry, files, device)
        resynthesise_shard(args.source, args.out, codec, args.codec, args.label, recipe, making, matching)


def protocol(args: argparse.Namespace) -> None:
    from codecfake import manifest

    utterances = manifest.read(args.utterances, manifest.Utterances)
    split_table = manifest.read(args.splits, manifest.Splits)
    manifest.write(manifest.protocol(args.shards, utterances, split_table), manifest.Protocol, args.out)


def set_protocol(args: argparse.Namespace) -> None:
    from codecfake import evaluation_sets, manifest

    manifest.write(evaluation_sets.set_protocol(args.shard), manifest.Protocol, args.out)
