"""AASIST: integrated spectro-temporal graph attention networks (Jung et al., ICASSP 2022, arXiv:2110.01200).

Parameters have the names and shapes of the authors' published state_dicts. Where the authors' code departs from the
paper (it does not use the normalisation before a block's first convolution), so does this module, to fit their weights.
Shapes: B utterances, C maps, F bands, T frames.
"""

import torch
from torch import nn

from codecfake.detectors import aasist_cpu
from codecfake.detectors.base import OUTPUTS
from codecfake.detectors.graphs import GraphDetector
from codecfake.detectors.rawnet2_network import sinc_filters

#: Length of a front-end filter in samples.
SINC_TAPS = 129


class Block(nn.Module):
    """Two convolutions and a shortcut, [B, C, F, T] to [B, C', F, T // 3]."""

    def __init__(self, channels: int, maps: int, first: bool):
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, maps, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, (2, 3), padding=(0, 1))
        if channels != maps:
            self.conv_downsample = nn.Conv2d(channels, maps, (1, 3), padding=(0, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # equal and faster, but without mixed precision
        if x.is_cpu and not torch.is_autocast_enabled("cpu"):
            return aasist_cpu.block(self, x)
        return nn.functional.max_pool2d(self.residual(x), (1, 3))

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output before pooling, [B, C', F, T]."""
        shortcut = self.conv_downsample(x) if hasattr(self, "conv_downsample") else x
        return self.conv2(nn.functional.selu(self.bn2(self.conv1(x)))) + shortcut


class Model(GraphDetector):
    """AASIST on waveforms.

    Args:
        filters: number of front-end filters.
        maps: numbers of feature maps of the six blocks.
        nodes, pool, temperatures, outputs: see `GraphDetector`.
    """

    def __init__(
        self,
        sample_rate: int,
        crop_samples: int,
        filters: int,
        maps: list[int],
        nodes: list[int],
        pool: list[float],
        temperatures: list[float],
        outputs: int = OUTPUTS,
    ):
        super().__init__(sample_rate, crop_samples, maps[-1], filters // 3, nodes, pool, temperatures, outputs)
        self.register_buffer("filters", sinc_filters(filters, SINC_TAPS, sample_rate)[:, None], persistent=False)
        self.first_bn = nn.BatchNorm2d(1)
        blocks = zip([1, *maps], maps, strict=False)
        self.encoder = nn.Sequential(*(nn.Sequential(Block(c, m, n == 0)) for n, (c, m) in enumerate(blocks)))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        filtered = nn.functional.conv1d(waveforms[:, None], self.filters).abs()
        # pool over filters, then over samples: on a CPU ten times as fast as over both at once
        bands = filtered[:, : filtered.shape[1] // 3 * 3].unflatten(1, (-1, 3)).amax(2)
        maps = self.first_bn(nn.functional.max_pool1d(bands, 3)[:, None])
        return self.logits(self.encoder(nn.functional.selu(maps)))
