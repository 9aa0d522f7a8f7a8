"""Quality of the codecs: PESQ, STOI and others."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import by_recipe

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Quality"


def inputs(run: dict) -> list[str]:
    return [at.quality() for at in by_recipe(run).values()]


def variables(found: "Results") -> dict:
    from codecfake.report import tables

    return {
        "recipes": {
            recipe: {"quality": tables.quality(results.quality), "lacks_pesq": tables.lacks_pesq(results.quality)}
            for recipe, results in found.recipes.items()
        }
    }
