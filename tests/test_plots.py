"""Figures: readable PNGs that follow the numbers and are the same bytes each time."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from codecfake import metrics, plots
from codecfake.evaluate import Evaluation


def evaluation(shift: float = 2.0, codecs: tuple[str, ...] = ("alpha", "beta")) -> Evaluation:
    random = np.random.default_rng(0)
    bonafide = {codec: random.normal(shift, 1, 50) for codec in codecs}
    spoof = {(train, test): random.normal(0, 1, 50) for train in codecs for test in codecs}
    eer = pd.DataFrame(
        [[metrics.eer(bonafide[train], spoof[train, test]) for test in codecs] for train in codecs], codecs, codecs
    )
    return Evaluation(eer, bonafide, spoof)


FIGURES = {
    "heatmap": plots.heatmap,
    "det_curves": lambda evaluation: plots.det_curves(evaluation, evaluation.eer.index[0]),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "numbers",
    [evaluation(), evaluation(shift=100), evaluation(shift=-100), evaluation(codecs=("only",))],
    ids=["overlapping", "separate", "reversed", "one codec"],
)
def test_a_figure_is_a_png_that_is_not_blank(figure, numbers):
    png = FIGURES[figure](numbers)
    assert png.startswith(b"\x89PNG")
    pixels = plt.imread(io.BytesIO(png))
    assert min(pixels.shape[:2]) > 100
    assert pixels[..., :3].std() > 0.05


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_follows_from_the_numbers_alone(figure):
    draw = FIGURES[figure]
    assert draw(evaluation()) == draw(evaluation())
    assert draw(evaluation()) != draw(evaluation(shift=1.0))


def test_figures_are_closed():
    for draw in FIGURES.values():
        draw(evaluation())
    assert plt.get_fignums() == []
