"""AASIST on a self-supervised front end: options and network."""

from pydantic import Field

from codecfake.detectors.options import GraphOptions
from codecfake.util.validation import Section


class FrontEnd(Section):
    """The size of a wav2vec 2.0 model."""

    channels: int = Field(ge=1, description="channels of the convolutions")
    features: int = Field(ge=16, multiple_of=16, description="features per frame, a multiple of 16")
    layers: int = Field(ge=1, description="layers of the transformer")
    heads: int = Field(ge=1, description="attention heads of the transformer, a divisor of features")
    feed_forward: int = Field(ge=1, description="feed-forward width of the transformer")


class Options(GraphOptions):
    """AASIST on features of a wav2vec 2.0 model, XLS-R 300M as published (Tak et al., Odyssey 2022)."""

    has_front_end = True
    front_end: FrontEnd = Field(description="size of the front end")
    frozen: bool = Field(description="whether the front end keeps its loaded weights; otherwise it is trained too")
    bands: int = Field(ge=3, description="number of bands to which the front end's features are reduced")


def network() -> type:
    """Return the class of the network."""
    from codecfake.detectors.ssl_aasist_network import Model

    return Model
