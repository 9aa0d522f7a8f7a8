"""Source tracing: which codec, or family of codecs, made an utterance."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import by_recipe

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Source tracing"


def inputs(run: dict) -> list[str]:
    traces = [at.traces_of(by) for at in by_recipe(run).values() for by in at.tracing]
    return [path for of in traces for path in (of.tracing, of.png)]


def variables(found: "Results") -> dict | None:
    from codecfake.report import tables

    if not found.run["tracing"]:
        return None
    return {
        "recipes": {
            recipe: {
                by: {**tables.traced(traced.measures), "confusions": traced.confusions}
                for by, traced in results.tracing.items()
            }
            for recipe, results in found.recipes.items()
        }
    }
