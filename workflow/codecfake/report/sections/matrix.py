"""The EER matrix as a table and a heatmap."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "EER matrix"


def inputs(run: dict) -> list[str]:
    matrix = Paths(run).matrix()
    return [matrix.metrics, matrix.png]


def variables(found: "Results") -> dict:
    from codecfake.report import tables

    return {
        "columns": list(found.evaluation.columns),
        "matrix": tables.matrix(found.metrics, found.run),
        "inverted": tables.inverted(found.metrics),
        "eval_speakers": int(found.metrics["speakers"].iloc[0]),
        "heatmap": found.heatmap,
    }
