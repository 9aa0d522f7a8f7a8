"""The corpus of a config, opened where a verb needs it."""


def open_corpus(section: dict, options: dict):
    """The corpus of a config's section."""
    from codecfake import corpora
    from codecfake.fetch.download import Places, downloads

    return corpora.open_corpus(section, downloads(), Places.of(options))
