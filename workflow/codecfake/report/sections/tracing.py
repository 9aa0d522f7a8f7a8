"""Source tracing: which codec, or family of codecs, made an utterance."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import by_recipe

if TYPE_CHECKING:
    from codecfake.report.results import Results


def inputs(run: dict) -> list[str]:
    traces = [at.traces_of(by) for at in by_recipe(run).values() for by in at.tracing]
    return [path for of in traces for path in (of.tracing, of.png)]


def variables(found: "Results") -> dict | None:
    from codecfake.report import tables
    from codecfake.report.embedding import data_uri

    if not found.run.get("tracing"):
        return None
    return {
        "recipes": {
            recipe: {
                by: {**tables.traced(traced.measures), "confusions": data_uri(traced.confusions, "image/png")}
                for by, traced in results.tracing.items()
            }
            for recipe, results in found.recipes.items()
        }
    }
