"""Figures as PNG bytes."""

import io

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

CHANCE_PERCENT = 50


def png(figure: Figure) -> bytes:
    """A figure's picture; it is closed."""
    buffer = io.BytesIO()
    # no version in the metadata: the same figure is the same bytes
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
