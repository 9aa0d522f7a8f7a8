"""All metrics of the reference, and its EER by speaker and gender."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "All metrics"


def inputs(run: dict) -> list[str]:
    matrix = Paths(run).matrix()
    return [matrix.metrics, matrix.breakdown]


def variables(found: "Results") -> dict:
    from codecfake.report import tables

    return {
        "all_metrics": tables.all_metrics(found.metrics, found.reference),
        "breakdown": tables.breakdown(found.breakdown, found.reference),
    }
