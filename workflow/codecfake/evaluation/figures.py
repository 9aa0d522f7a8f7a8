"""Draw the figures of the report, as PNG bytes."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from scipy.stats import norm

from codecfake.evaluation import metrics
from codecfake.util.figures import CHANCE_PERCENT, png

#: DET axes: normal deviates, labelled in percent.
DET_TICKS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6])


def heatmap(eer: pd.DataFrame) -> bytes:
    """Draw the EER matrix (given as fractions): rows are train codecs, columns are eval codecs."""
    percent = 100 * eer
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
    return png(figure)


def det_curves(cells: dict[str, tuple[np.ndarray, np.ndarray]], detector: str) -> bytes:
    """Draw the DET curves of one detector, one per column of the matrix.

    Args:
        cells: bona fide and spoof scores of each column.
    """
    figure, axes = plt.subplots(figsize=(4.6, 4.6))
    colours = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, len(cells)))
    for (column, (bonafide, spoof)), colour in zip(cells.items(), colours, strict=True):
        miss, false_alarm = metrics.det_curve(bonafide, spoof)
        # 0 and 1 have no normal deviate: draw them just outside the axes
        miss, false_alarm = (np.clip(rate, DET_TICKS[0] / 2, 1 - DET_TICKS[0] / 2) for rate in (miss, false_alarm))
        axes.plot(norm.ppf(false_alarm), norm.ppf(miss), label=column, color=colour)
    ticks, labels = norm.ppf(DET_TICKS), [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set_xlim(ticks[0], ticks[-1])
    axes.set_ylim(ticks[0], ticks[-1])
    axes.plot(ticks, ticks, color="0.8", linewidth=0.8)
    axes.set_xlabel("false alarm rate (%): spoof accepted")
    axes.set_ylabel("miss rate (%): bona fide rejected")
    axes.set_title(detector)
    axes.legend(fontsize=6, title="eval codec")
    axes.grid(alpha=0.3)
    return png(figure)


def training_curves(histories: dict[str, pd.DataFrame]) -> bytes:
    """Draw the loss on train and the EER on dev of every detector by epoch."""
    figure, (losses, eers) = plt.subplots(1, 2, figsize=(11, 4))
    colours = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, len(histories)))
    for (name, history), colour in zip(histories.items(), colours, strict=True):
        losses.plot(history["epoch"], history["train_loss"], marker=".", color=colour, label=name)
        eers.plot(history["epoch"], 100 * history["dev_eer"], marker=".", color=colour)
    losses.set_ylabel("loss on train")
    eers.set_ylabel("EER on dev (%)")
    for axes in (losses, eers):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.legend(fontsize=6, loc="center left", bbox_to_anchor=(0.91, 0.5))
    return png(figure)


def confusion_matrix(confusion: pd.DataFrame) -> bytes:
    """Draw the confusion matrix: rows are true classes; cells show % of the row's trials and their number, if not 0.

    Args:
        confusion: rows of `source_tracing.Confusion`.
    """
    classes = confusion["true_class"].unique()
    counts = (
        confusion.pivot(index="true_class", columns="predicted_class", values="trials").loc[classes, classes].to_numpy()
    )
    # a class without trials has an empty row
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(2.5 + 0.75 * len(classes), 1.5 + 0.6 * len(classes)))
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, column in np.argwhere(counts):
        share, colour = percent[row, column], "w" if percent[row, column] > 55 else "k"
        axes.text(column, row, f"{share:.1f}", ha="center", va="bottom", color=colour, fontsize=9)
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="top", color=colour, fontsize=6, alpha=0.8)
    axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    figure.colorbar(image, label="% of the trials of a class")
    return png(figure)
