"""AASIST: options and network."""

from pydantic import Field

from codecfake.detectors.options import GraphOptions


class Options(GraphOptions):
    """AASIST on waveforms (Jung et al., ICASSP 2022)."""

    min_crop_samples = 2400
    filters: int = Field(ge=3, description="number of front-end filters")


def network() -> type:
    """Return the class of the network."""
    from codecfake.detectors.aasist_network import Model

    return Model
