"""Loss and dev EER of every detector by epoch."""

from typing import TYPE_CHECKING

from codecfake.pipeline.paths import Paths

if TYPE_CHECKING:
    from codecfake.report.results import Results

TITLE = "Training"


def inputs(run: dict) -> list[str]:
    at = Paths(run)
    return [at.history_of(*detector) for detector in at.detectors()]


def variables(found: "Results") -> dict:
    from codecfake.evaluation import figures

    histories = {str(detector): history for detector, history in found.training.items()}
    return {
        "curves": figures.training_curves(histories),
        "training": {name: history.to_dict("records") for name, history in histories.items()},
    }
