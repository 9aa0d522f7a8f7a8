"""Figures: valid PNGs that reflect the numbers and are reproducible byte by byte."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from codecfake.evaluation import figures, metrics
from codecfake.evaluation.cells import Evaluation
from codecfake.trials.protocol import trial_names


def evaluation(shift: float = 2.0, codecs: tuple[str, ...] = ("alpha", "beta")) -> Evaluation:
    """An evaluation with one detector per codec, whose bona fide scores exceed spoof scores by `shift`."""
    random = np.random.default_rng(0)
    labels = ["bonafide"] * 50 + ["spoof"] * 50
    columns = {
        codec: pd.DataFrame({"codec": labels, "label": labels, "utterance_id": [f"{codec}{n}" for n in range(100)]})
        for codec in codecs
    }
    trials = pd.concat([table.assign(speaker_id="s") for table in columns.values()], ignore_index=True)
    columns = {codec: trials[trials["utterance_id"].str.startswith(codec)] for codec in codecs}
    scores = {
        f"{codec}@1": pd.Series(random.normal(shift * (trials["label"] == "bonafide")), trial_names(trials))
        for codec in codecs
    }
    return Evaluation(scores, columns, trials)


def heatmap(numbers: Evaluation) -> bytes:
    eers = [
        [metrics.eer(*numbers.cell(detector, column)[:2]) for column in numbers.columns] for detector in numbers.scores
    ]
    return figures.heatmap(pd.DataFrame(eers, list(numbers.columns), list(numbers.columns)))


def det_curves(numbers: Evaluation) -> bytes:
    detector = next(iter(numbers.scores))
    return figures.det_curves(numbers.classes(detector), detector)


def training_curves(numbers: Evaluation) -> bytes:
    return figures.training_curves(
        {
            name: pd.DataFrame(
                {"epoch": [1, 2, 3], "train_loss": 1 / (1 + np.abs(scores[:3])), "dev_eer": [0.5, 0.2, 0.1]}
            )
            for name, scores in numbers.scores.items()
        }
    )


FIGURES = {function.__name__: function for function in (heatmap, det_curves, training_curves)}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "numbers",
    [evaluation(), evaluation(shift=100), evaluation(shift=-100), evaluation(codecs=("only",))],
    ids=["overlapping", "separate", "reversed", "one codec"],
)
def test_figure_is_a_png_and_not_blank(figure, numbers):
    png = FIGURES[figure](numbers)
    assert png.startswith(b"\x89PNG")
    pixels = plt.imread(io.BytesIO(png))
    assert min(pixels.shape[:2]) > 100
    assert pixels[..., :3].std() > 0.05


@pytest.mark.parametrize("figure", FIGURES)
def test_figure_depends_only_on_the_numbers(figure):
    draw = FIGURES[figure]
    assert draw(evaluation()) == draw(evaluation())
    assert draw(evaluation()) != draw(evaluation(shift=1.0))


def test_det_curves_differ_by_detector():
    numbers = evaluation()
    first, second = (figures.det_curves(numbers.classes(name), name) for name in numbers.scores)
    assert first != second


@pytest.mark.parametrize("changed", ["train_loss", "dev_eer"])
def test_training_curves_show_loss_and_eer_of_every_detector(changed):
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.7, 0.4], "dev_eer": [0.3, 0.2]})
    other = history.assign(**{changed: history[changed] / 2})
    one, two = (figures.training_curves({"alpha@1": history, "beta@1": second}) for second in (history, other))
    assert one != two
    assert figures.training_curves({"alpha@1": history}) != one


def test_training_of_one_epoch_is_drawn():
    history = pd.DataFrame({"epoch": [1], "train_loss": [0.7], "dev_eer": [0.0]})
    assert figures.training_curves({"alpha@1": history}).startswith(b"\x89PNG")


def test_figures_are_closed():
    for draw in FIGURES.values():
        draw(evaluation())
    assert plt.get_fignums() == []
