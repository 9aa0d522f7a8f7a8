"""The audit of each recipe: the probe next to the detectors, and the cues that reveal each codec."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import by_recipe

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Shortcuts"


def inputs(run: dict) -> list[str]:
    return [
        path
        for at in by_recipe(run).values()
        for path in (at.matrix().metrics, at.audit().table, at.audit().probe, at.audit().plot)
    ]


def variables(found: "Results") -> dict:
    from codecfake.audit.summary import verdicts
    from codecfake.report import tables

    recipes = {
        recipe: {"verdicts": verdicts(results.audit), "picture": results.picture}
        for recipe, results in found.recipes.items()
    }
    metrics = {recipe: results.metrics for recipe, results in found.recipes.items()}
    probes = {recipe: results.probe for recipe, results in found.recipes.items()}
    return {"recipes": recipes, "side_by_side": tables.side_by_side(metrics, probes, found.run)}
