"""The codecs of the run."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Codecs"


def inputs(run: dict) -> list[str]:
    return []


def variables(found: "Results") -> dict:
    return {}
