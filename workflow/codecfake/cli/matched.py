"""The recipe `matched`, for the verbs that make shards."""

import argparse
import importlib
import json

from codecfake.util.constants import MATCHED


def add_matched(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--matched", type=json.loads, default={}, help="what recipe matched makes alike, as JSON")


def matching_of(args: argparse.Namespace):
    """The `Matching` of recipe `matched`; None for other recipes, which do not depend on its module."""
    if args.recipe != MATCHED:
        return None
    return importlib.import_module("codecfake.resynthesis.matching").Matching(**args.matched)
