"""The figure of an audit, as PNG bytes."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from codecfake.util.constants import IDENTITY
from codecfake.util.figures import CHANCE_PERCENT, png

#: Cues shown next to the probe, and their axis titles.
SHOWN = {
    "delay": "delay (samples at 16 kHz)",
    "gain_db": "gain (dB)",
    "bandwidth_at_16k_hz": "bandwidth up to 8 kHz (Hz)",
}


def figure(ranges: pd.DataFrame, probe: pd.DataFrame) -> bytes:
    """Draw the probe's EER by codec and group of cues, and the ranges of delay, gain and bandwidth of the codecs.

    Args:
        ranges: `comparison.Ranges`.
        probe: `probe.Probe`.
    """
    codecs, groups = list(dict.fromkeys(probe["codec"])), list(dict.fromkeys(probe["group"]))
    size = (3 + 0.6 * len(groups) + 2.6 * len(SHOWN), 1.5 + 0.35 * len(codecs))
    widths = [0.24 * len(groups), *(1 for _ in SHOWN)]
    drawn, (left, *others) = plt.subplots(
        1, 1 + len(SHOWN), figsize=size, sharey=True, width_ratios=widths, layout="constrained"
    )
    percent = 100 * probe.pivot(index="codec", columns="group", values="eer").loc[codecs, groups]
    _probe(left, percent)
    for axes, (cue, title) in zip(others, SHOWN.items(), strict=True):
        of_cue = ranges[ranges["cue"] == cue].set_index("codec")
        _cue(axes, of_cue.reindex(codecs), of_cue["median"].get(IDENTITY))
        axes.set_title(title, fontsize=9)
    return png(drawn)


def _probe(axes: Axes, percent: pd.DataFrame) -> None:
    """Draw EERs (%), one row per codec and one column per group of cues; a dash marks a missing EER."""
    axes.imshow(percent, cmap="viridis_r", vmin=0, vmax=CHANCE_PERCENT, aspect="auto")
    for (i, j), value in np.ndenumerate(percent.to_numpy()):
        colour = "w" if value > CHANCE_PERCENT / 2 else "k"
        axes.text(j, i, "–" if np.isnan(value) else f"{value:.1f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(percent.shape[1]), percent.columns, rotation=30, ha="right")
    axes.set_yticks(range(percent.shape[0]), percent.index)
    axes.set_title(f"probe's EER (%); chance is {CHANCE_PERCENT}", fontsize=9)


def _cue(axes: Axes, rows: pd.DataFrame, bonafide: float | None) -> None:
    """Draw medians with their deciles, one line per codec, and the bona fide median as a vertical line."""
    places = np.arange(len(rows))
    axes.hlines(places, rows["low"], rows["high"], color="0.6", linewidth=2)
    axes.plot(rows["median"], places, "o", markersize=4, color="k")
    if bonafide is not None:
        axes.axvline(bonafide, color="tab:green", linewidth=1)
    axes.grid(alpha=0.3)
