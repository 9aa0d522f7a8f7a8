"""DET curves of every detector."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [*(path for _, path in at.scores()), *map(at.protocol_of, at.protocols())]


def variables(found: "Results") -> dict:
    from codecfake.evaluation import figures

    evaluation = found.evaluation
    return {"det": {name: figures.det_curves(evaluation.classes(name), name) for name in evaluation.scores}}
