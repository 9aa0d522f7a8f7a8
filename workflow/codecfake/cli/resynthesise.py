"""Resynthesise one audio file with a codec.

Reads audio of any sample rate and number of channels; writes 16-bit WAV at the codec's sample rate.
"""

import argparse
import sys
from pathlib import Path

from codecfake.cli.fetching import codec_files
from codecfake.cli.options import add_device, add_fetch_options, add_recipe

EXAMPLE = "codecfake resynthesise --codec dac_mini speech.flac resynthesised.wav"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True, metavar="NAME", help="a codec that `codecfake codecs` lists")
    add_recipe(verb)
    verb.add_argument(
        "--checkpoint",
        type=Path,
        metavar="DIR_OR_FILE",
        help="other weights: a directory with files under their published names, or a single file",
    )
    add_fetch_options(verb)
    add_device(verb)
    verb.add_argument("input", type=Path, metavar="IN", help="audio file to resynthesise")
    verb.add_argument("output", type=Path, metavar="OUT", help="file to write: .wav or .flac")


def run(args: argparse.Namespace) -> None:
    from codecfake import codecs
    from codecfake.audio import io as audio
    from codecfake.pipeline import config
    from codecfake.resynthesis.resynthesis import resynthesise_file
    from codecfake.runtime.device import torch_device

    audio.container_of(args.output)
    entry = config.codec(args.codec)
    if args.checkpoint:
        files = codecs.find_files(entry, args.checkpoint)
        _say_if_not_pinned(entry, files)
    else:
        files = codec_files(entry, vars(args))
    codec = codecs.load(entry, files, torch_device(args.device))
    resynthesise_file(args.input, args.output, codec, args.recipe)


def _say_if_not_pinned(entry: dict, files: dict[str, Path]) -> None:
    from codecfake.util.hashing import sha256

    for role, path in files.items():
        if sha256(path) != entry["files"][role].get("sha256"):
            print(f"{path}: differs from the pinned {entry['files'][role]['key']}; used as given", file=sys.stderr)
