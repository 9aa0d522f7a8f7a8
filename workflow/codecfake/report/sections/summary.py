"""The result of the run in words and four numbers."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import by_recipe

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Summary"


def inputs(run: dict) -> list[str]:
    return [at.matrix().metrics for at in by_recipe(run).values()]


def variables(found: "Results") -> dict:
    from codecfake.evaluation.generalisation import sentence, summarise
    from codecfake.evaluation.matrix import eer_matrix

    summaries = {recipe: summarise(eer_matrix(results.metrics), found.run) for recipe, results in found.recipes.items()}
    return {"recipes": {recipe: (summary, sentence(summary)) for recipe, summary in summaries.items()}}
