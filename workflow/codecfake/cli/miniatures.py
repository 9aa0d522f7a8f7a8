"""What the verbs about the miniature codecs share."""

import argparse
from pathlib import Path


def add_codec_data(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True, metavar="NAME")
    verb.add_argument("--config", required=True, type=Path, help="the run whose corpus and splits to use")
