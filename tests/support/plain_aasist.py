"""A plain implementation of AASIST, the reference for the values and the speed of the pipeline's."""

import torch
from torch import nn

from codecfake.detectors import aasist_network


class Block(aasist_network.Block):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(self.residual(x), (1, 3))


class Model(aasist_network.Model):
    """Plain AASIST with the parameters of the pipeline's model."""

    def __init__(self, sample_rate: int, crop_samples: int, maps: list[int], **settings):
        super().__init__(sample_rate, crop_samples, maps=maps, **settings)
        blocks = zip([1, *maps], maps, strict=False)
        self.encoder = nn.Sequential(*(nn.Sequential(Block(c, m, n == 0)) for n, (c, m) in enumerate(blocks)))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        bands = nn.functional.conv1d(waveforms[:, None], self.filters).abs()[:, None]
        maps = nn.functional.selu(self.first_bn(nn.functional.max_pool2d(bands, 3)))
        return self.logits(self.encoder(maps))


def pair(entry: dict) -> tuple[Model, aasist_network.Model]:
    """Build the plain and the pipeline's model of an entry of detectors.yaml with equal random weights."""
    arguments = entry["sample_rate"], entry["crop_samples"]
    plain, fast = (kind(*arguments, **entry["model"]) for kind in (Model, aasist_network.Model))
    fast.load_state_dict(plain.state_dict())
    return plain, fast
