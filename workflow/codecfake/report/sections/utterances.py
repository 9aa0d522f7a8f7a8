"""Utterances and speakers of each split, and what is left out."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Utterances"


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [*at.corpus_tables(), at.splits()]


def variables(found: "Results") -> dict:
    from codecfake.corpora import Speaker
    from codecfake.report import tables

    speakers = found.speakers.merge(found.splits, on="speaker_id", how="left").fillna({"split": ""})
    return {
        "counts": tables.counts(found.utterances).to_dict("records"),
        "left_out": tables.left_out_by_reason(found.left_out).to_dict("records"),
        "speakers": speakers.to_dict("records"),
        "described": [name for name in Speaker._fields if found.speakers[name].any()],
        "with_text": bool((found.utterances["text"] != "").any()),
    }
