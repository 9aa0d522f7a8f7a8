"""Time and memory that the jobs of each rule used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Computing resources"


def inputs(run: dict) -> list[str]:
    return []


def variables(found: "Results") -> dict:
    from codecfake.report.benchmarks import by_rule

    return {"usage": by_rule(found.benchmarks)}
