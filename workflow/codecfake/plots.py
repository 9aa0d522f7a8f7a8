"""The report's figures, as PNG bytes."""

import io

import matplotlib
import numpy as np
from scipy.stats import norm

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from codecfake import metrics
from codecfake.evaluate import Evaluation

#: DET axes: normal deviates, labelled in percent.
DET_TICKS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6])
CHANCE_PERCENT = 50


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # no version in the metadata: the same figure is the same bytes
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def heatmap(evaluation: Evaluation) -> bytes:
    """The EER matrix, train codecs down, eval codecs across."""
    percent = 100 * evaluation.eer
    rows, columns = percent.shape
    figure, axes = plt.subplots(figsize=(2.5 + 1.1 * columns, 1.5 + 0.6 * rows))
    image = axes.imshow(percent, cmap="viridis_r", vmin=0, vmax=CHANCE_PERCENT, aspect="auto")
    for i in range(rows):
        for j in range(columns):
            value = percent.iloc[i, j]
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", color="w" if value > 25 else "k")
    axes.set_xticks(range(columns), percent.columns, rotation=30, ha="right")
    axes.set_yticks(range(rows), percent.index)
    axes.set_xlabel("eval codec")
    axes.set_ylabel("train codec")
    figure.colorbar(image, label="EER (%)")
    return _png(figure)


def det_curves(evaluation: Evaluation, train_codec: str) -> bytes:
    """One detector's DET curves, one line per eval codec."""
    figure, axes = plt.subplots(figsize=(4.6, 4.6))
    for eval_codec in evaluation.eer.columns:
        spoof = evaluation.spoof[train_codec, eval_codec]
        miss, false_alarm = metrics.det_curve(evaluation.bonafide[train_codec], spoof)
        # 0 and 1 have no normal deviate: draw them just outside the axes
        miss, false_alarm = (np.clip(rate, DET_TICKS[0] / 2, 1 - DET_TICKS[0] / 2) for rate in (miss, false_alarm))
        percent = 100 * evaluation.eer.loc[train_codec, eval_codec]
        axes.plot(norm.ppf(false_alarm), norm.ppf(miss), label=f"{eval_codec} ({percent:.1f} %)")
    ticks, labels = norm.ppf(DET_TICKS), [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set_xlim(ticks[0], ticks[-1])
    axes.set_ylim(ticks[0], ticks[-1])
    axes.plot(ticks, ticks, color="0.8", linewidth=0.8)
    axes.set_xlabel("false alarm rate (%): spoof accepted")
    axes.set_ylabel("miss rate (%): bona fide rejected")
    axes.set_title(f"trained on {train_codec}")
    axes.legend(fontsize=8, title="eval codec (EER)")
    axes.grid(alpha=0.3)
    return _png(figure)
