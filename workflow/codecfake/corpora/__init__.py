"""Corpora: the `Corpus` contract (`base`) and one module per corpus, imported on demand."""

import importlib
from types import ModuleType

from codecfake.corpora.base import Corpus, LeftOut, Recording, Speaker, Utterance
from codecfake.corpora.options import CorpusOptions
from codecfake.fetch.download import Places
from codecfake.util.errors import ConfigError
from codecfake.util.modules import defining

__all__ = ["Corpus", "LeftOut", "Recording", "Speaker", "Utterance", "files", "names", "open_corpus", "options_of"]


def names() -> list[str]:
    """Return the corpora that a config may name: the modules of this folder that define `Options`."""
    return list(defining("Options", *__path__))


def _module(section: dict) -> ModuleType:
    if section.get("name") not in names():
        raise ConfigError(f"corpus.name: {section.get('name')!r} is not allowed; allowed: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{section['name']}")


def options_of(section: dict) -> type[CorpusOptions]:
    """Return the model of a config's `corpus` section.

    Raises:
        ConfigError: no corpus has that name.
    """
    return _module(section).Options


def files(config: dict, places: Places) -> list[str]:
    """Return the keys in downloads.yaml of the files that a corpus needs and that are not unpacked yet.

    Raises:
        ConfigError: no corpus has that name.
    """
    return _module(config).files(config, places)


def open_corpus(config: dict, downloads: dict, places: Places) -> Corpus:
    """Open a corpus; fetch the files it needs.

    Args:
        config: the `corpus` section of a run's config.
        downloads: the entries of downloads.yaml, used by corpora that are fetched.
        places: cache, mirror and other places of fetched files.

    Raises:
        ConfigError: no corpus has that name.
    """
    return _module(config).open_corpus(config, downloads, places)
