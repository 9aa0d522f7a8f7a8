"""A few eval utterances in every codec."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

#: Number of utterances.
SAMPLES = 2


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [*at.corpus_tables(), at.splits(), *at.codec_shards(at.codecs)]


def variables(found: "Results") -> dict:
    from codecfake.report.embedding import embedded

    codecs = list(found.run["codec_entries"])
    return {"samples": embedded(found.utterances, found.resynthesised, codecs, SAMPLES)}
