"""Resynthesise a shard with a codec."""

import argparse
import json
from pathlib import Path

from codecfake.cli.fetching import codec_files
from codecfake.cli.job import own_device
from codecfake.cli.matched import add_matched, matching_of, treatment
from codecfake.cli.options import add_fetch_options, add_job_device, add_recipe
from codecfake.util.constants import LABELS, MATCHED, RECIPES


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True)
    verb.add_argument("--entry", type=json.loads, required=True, help="its entry in codecs.yaml, as JSON")
    verb.add_argument("--label", choices=LABELS, required=True)
    add_recipe(verb, [*RECIPES, MATCHED])
    add_matched(verb)
    add_fetch_options(verb)
    add_job_device(verb)
    verb.add_argument("--source", type=Path, required=True)
    verb.add_argument("--out", type=Path, required=True)


def run(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.resynthesis.resynthesis import resynthesise_shard
    from codecfake.util.hashing import digest
    from codecfake.util.source_code import code_digest

    files = codec_files(args.entry, vars(args))
    matching = matching_of(args)
    family = f"codecs/{args.entry['family']}"
    code = code_digest("cli/resynthesise_shard", family, *treatment(args.recipe))
    recipe = "clean" if matching else args.recipe
    fingerprint = {"codec": digest(json.dumps(args.entry)), "code": code}
    with own_device(args) as device:
        codec = codecs.load(args.entry, files, device)
        resynthesise_shard(args.source, args.out, codec, args.codec, args.label, recipe, fingerprint, matching)
