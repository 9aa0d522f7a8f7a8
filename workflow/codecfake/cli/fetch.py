"""Download all files that a run needs.

Downloads files that are in neither the cache nor the mirror, e.g. on a cluster's login node. The run can then be
`offline: true`.
"""

import argparse
from pathlib import Path

from codecfake.cli.corpus_opening import open_corpus

EXAMPLE = "codecfake fetch config/demo.yaml"


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, help="config file of the run")
    verb.add_argument(
        "--offline", action="store_true", help="do not download; print the missing files and where to place them"
    )


def run(args: argparse.Namespace) -> None:
    from codecfake.corpora.selection import choose
    from codecfake.fetch import download
    from codecfake.pipeline import config

    settings = config.read_run(args.config)
    settings["offline"] |= args.offline
    config.require_files(settings)
    for key, entry in config.model_files(settings).items():
        print(download.fetch(key, entry, download.Places.of(settings)))
    corpus = open_corpus(settings["corpus"], settings)
    corpus.fetch(choose(corpus.recordings(), corpus.speakers(), settings["corpus"]))
    print(f"all files of run {settings['run']!r} are here")
