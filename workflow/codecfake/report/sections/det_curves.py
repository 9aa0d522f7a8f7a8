"""DET curves of every detector."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "DET curves"


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [*(path for _, path in at.scores()), *map(at.protocol_of, at.protocols())]


def variables(found: "Results") -> dict:
    from codecfake.evaluation import figures

    curves = {
        str(detector): figures.det_curves(found.evaluation.classes(detector), str(detector))
        for detector in found.evaluation.scores
    }
    return {"det": curves}
