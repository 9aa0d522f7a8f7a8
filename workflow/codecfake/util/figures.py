"""Render figures as PNG."""

import io

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

CHANCE_PERCENT = 50


def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes, and close it."""
    buffer = io.BytesIO()
    # no version in the metadata, so that equal figures have equal bytes
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
