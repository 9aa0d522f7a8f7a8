"""Corpora: the contract (`base`) and one module per corpus, imported when asked for."""

import importlib

from codecfake.corpora.base import Corpus, LeftOut, Recording, Speaker, Utterance
from codecfake.fetch.download import Places
from codecfake.util.errors import ConfigError

CORPORA = ("vctk", "voices", "folder", "codecfake")

__all__ = ["CORPORA", "Corpus", "LeftOut", "Recording", "Speaker", "Utterance", "files", "open_corpus"]


def _module(config: dict):
    if config["name"] not in CORPORA:
        raise ConfigError(f"unknown corpus {config['name']!r}; allowed: {', '.join(CORPORA)}")
    return importlib.import_module(f"codecfake.corpora.{config['name']}")


def files(config: dict, places: Places) -> list[str]:
    """Keys of downloads.yaml of what a corpus needs and has not taken apart yet.

    Raises:
        ConfigError: no corpus has that name.
    """
    return _module(config).files(config, places)


def open_corpus(config: dict, downloads: dict, places: Places) -> Corpus:
    """Open a corpus, fetching what it needs.

    Args:
        config: the `corpus` section of a run's config.
        downloads: the entries of downloads.yaml, for a corpus that is fetched.
        places: where fetched files are kept and looked for.

    Raises:
        ConfigError: no corpus has that name.
    """
    return _module(config).open_corpus(config, downloads, places)
