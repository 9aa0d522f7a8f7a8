"""EER differences from the reference, with their significance."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "EER differences"


def inputs(run: dict) -> list[str]:
    return [Paths(run).matrix().significance]


def variables(found: "Results") -> dict:
    from codecfake.report import tables

    return {"columns": list(found.evaluation.columns), "significance": tables.significance(found.significance)}
