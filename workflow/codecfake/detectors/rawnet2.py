"""RawNet2: options and network."""

from pydantic import Field

from codecfake.detectors.options import DetectorOptions, Maps


class Options(DetectorOptions):
    """RawNet2, a baseline of ASVspoof 2021 and ASVspoof 5 (Tak et al., ICASSP 2021)."""

    min_crop_samples = 3211
    filters: int = Field(ge=1, description="number of front-end filters")
    maps: Maps
    recurrent: int = Field(ge=1, description="number of features of the GRU")
    layers: int = Field(ge=1, description="number of GRU layers")
    preactivation: bool = Field(
        description="whether a block normalises before its first convolution: true in ASVspoof 5, false in 2021"
    )


def network() -> type:
    """Return the class of the network."""
    from codecfake.detectors.rawnet2_network import Model

    return Model
