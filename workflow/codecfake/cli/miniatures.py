"""Options shared by the verbs for miniature codecs."""

import argparse
from pathlib import Path


def add_codec_data(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--codec", required=True, metavar="NAME", help="a codec that `codecfake codecs` lists")
    verb.add_argument("--config", required=True, type=Path, help="config of the run whose corpus and splits to use")
