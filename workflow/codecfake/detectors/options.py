"""Options that detectors share; each detector's module adds its own in `Options`."""

from typing import Annotated, ClassVar

from pydantic import Field

from codecfake.util.validation import Section

Size = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Temperature = Annotated[float, Field(gt=0)]
Maps = Annotated[
    list[Size],
    Field(min_length=6, max_length=6, description="number of feature maps of each of the six blocks"),
]


class DetectorOptions(Section):
    """The section `model` of an entry of detectors.yaml: arguments of the detector's network."""

    #: Length of the shortest crop that the network can process, in samples.
    min_crop_samples: ClassVar[int] = 1600
    #: Whether an entry may name the file of a pretrained front end.
    has_front_end: ClassVar[bool] = False


class GraphOptions(DetectorOptions):
    """Options of AASIST's back end, see `graphs`."""

    maps: Maps
    nodes: list[Size] = Field(
        min_length=2, max_length=2, description="features per node, in the graphs and in their heterogeneous attention"
    )
    pool: list[Share] = Field(
        min_length=3,
        max_length=3,
        description="shares of nodes kept in the spectral, the temporal and the joint graph",
    )
    temperatures: list[Temperature] = Field(
        min_length=3, max_length=3, description="temperatures of attention, in the same order"
    )
