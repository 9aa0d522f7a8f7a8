"""A few eval utterances in every codec."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

#: Maximum number of utterances.
SAMPLES = 2

TITLE = "Samples"


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [*at.corpus_tables(), at.splits(), *at.codec_shards(at.codecs)]


def variables(found: "Results") -> dict:
    from codecfake.report.samples_page import choose, clip_rows

    codecs, chosen = list(found.run["codec_entries"]), choose(found.utterances, SAMPLES)
    rows = clip_rows(found.resynthesised, codecs, chosen)
    return {
        "samples": [
            {**one, "audio": {codec: rows[one["utterance_id"], codec]["audio"]["bytes"] for codec in codecs}}
            for one in chosen.to_dict("records")
        ]
    }
