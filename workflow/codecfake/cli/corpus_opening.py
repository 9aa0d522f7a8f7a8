"""Open the corpus of a config, for the verbs that need it."""


def open_corpus(section: dict, options: dict):
    """Open the corpus that a config's corpus section names."""
    from codecfake import corpora
    from codecfake.fetch.download import Places, downloads

    return corpora.open_corpus(section, downloads(), Places.of(options))
