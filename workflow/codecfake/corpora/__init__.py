"""Corpora: the contract (`base`) and one module per corpus, imported when asked for."""

import importlib
from pathlib import Path

from codecfake.corpora.base import Corpus, Utterance
from codecfake.errors import ConfigError

CORPORA = ("voices", "folder")

__all__ = ["CORPORA", "Corpus", "Utterance", "open_corpus"]


def open_corpus(config: dict, downloads: dict, cache: Path, mirror: str | None = None) -> Corpus:
    """Open a corpus, fetching what it needs.

    Args:
        config: the `corpus` section of a run's config.
        downloads: the entries of downloads.yaml, for a corpus that is fetched.
        cache: where fetched files are kept from one run to the next.
        mirror: a folder or address tried before the network.

    Raises:
        ConfigError: no corpus has that name.
    """
    if config["name"] not in CORPORA:
        raise ConfigError(f"unknown corpus {config['name']!r}; allowed: {', '.join(CORPORA)}")
    module = importlib.import_module(f"codecfake.corpora.{config['name']}")
    return module.open_corpus(config, downloads, cache, mirror)
