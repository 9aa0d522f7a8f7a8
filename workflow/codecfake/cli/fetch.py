"""Fetch all files of a run beforehand, e.g. where a cluster has a network.

Fetches what is in neither the cache nor the mirror. After it, a run can be `offline: true`.
"""

import argparse
from pathlib import Path

from codecfake.cli.corpus_opening import open_corpus

EXAMPLE = "codecfake fetch config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="the run's config")
    verb.add_argument("--offline", action="store_true", help="print what is missing and where to place it")


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.selection import choose
    from codecfake.fetch import download
    from codecfake.pipeline import config

    settings = config.read_run(args.config)
    settings["offline"] = args.offline or settings.get("offline", False)
    config.require_files(settings)
    for key, entry in config.model_files(settings).items():
        print(download.fetch(key, entry, download.Places.of(settings)))
    corpus = open_corpus(settings["corpus"], settings)
    corpus.fetch(choose(corpus.recordings(), corpus.speakers(), settings["corpus"]))
    print(f"all files of run {settings['run']!r} are here")
