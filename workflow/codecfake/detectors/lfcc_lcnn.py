"""LFCC-LCNN: options and network."""

from pydantic import Field

from codecfake.detectors.options import DetectorOptions


class Options(DetectorOptions):
    """LFCC-LCNN, the ASVspoof 2021 baseline."""

    width: float = Field(gt=0, le=4, description="factor of all numbers of feature maps; 1.0 is the published size")
    dropout: float = Field(ge=0, lt=1, description="dropout rate before the recurrent layers")
    max_hz: float = Field(ge=1000, le=8000, description="upper limit of the LFCC's frequency range in Hz")


def network() -> type:
    """Return the class of the network."""
    from codecfake.detectors.lfcc_lcnn_network import Model

    return Model
