"""Options of the recipe `matched`, for the verbs that make shards."""

import argparse
import importlib
import json

from codecfake.util.constants import MATCHED


def add_matched(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--matched", type=json.loads, default={}, help="settings of recipe matched, as JSON")


def treatment(recipe: str) -> list[str]:
    """Return the module that treats both classes after the codec; none except for recipe `matched`."""
    return ["resynthesis/matching"] if recipe == MATCHED else []


def matching_of(args: argparse.Namespace):
    """Return the `Matching` of recipe `matched`, or None for other recipes, which must not depend on its module."""
    if args.recipe != MATCHED:
        return None
    return importlib.import_module("codecfake.resynthesis.matching").Matching(**args.matched)
