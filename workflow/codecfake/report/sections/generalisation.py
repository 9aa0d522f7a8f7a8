"""EERs on codecs that a detector was trained on, and on unseen ones."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Generalisation to unseen codecs"


def inputs(run: dict) -> list[str]:
    return [Paths(run).matrix().metrics]


def variables(found: "Results") -> dict:
    from codecfake.report import tables

    return {"generalisation": tables.generalisation(found.metrics, found.run)}
