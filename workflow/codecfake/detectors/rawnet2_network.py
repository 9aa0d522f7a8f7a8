"""RawNet2, a baseline of ASVspoof 2021 and ASVspoof 5 (Tak et al., ICASSP 2021, arXiv:2011.01108).

Parameters have the names and shapes of both baselines' state_dicts. These are equal although the networks differ, see
`preactivation`. Shapes: B utterances, C maps, T samples or frames.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import leaky_relu, max_pool1d, selu

from codecfake.detectors.base import BONAFIDE, OUTPUTS, SPOOF, Detector

#: Length of a front-end filter in samples.
SINC_TAPS = 1025


def sinc_filters(number: int, taps: int, sample_rate: int) -> torch.Tensor:
    """Return adjacent band-pass filters on the mel scale, [number, taps], Hamming-windowed."""
    mel_edges = np.linspace(0, 2595 * np.log10(1 + sample_rate / 2 / 700), number + 1)
    edges = 700 * (10 ** (mel_edges / 2595) - 1) / sample_rate
    time = np.arange(taps) - taps // 2
    low_pass = 2 * edges[:, None] * np.sinc(2 * edges[:, None] * time)
    return torch.from_numpy(np.diff(low_pass, axis=0) * np.hamming(taps)).float()


class Block(nn.Module):
    """Two convolutions and a shortcut, [B, C, T] to [B, C', T // 3]."""

    def __init__(self, channels: int, maps: int, first: bool, preactivation: bool):
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm1d(channels)
        self.conv1 = nn.Conv1d(channels, maps, 3, padding=1)
        self.bn2 = nn.BatchNorm1d(maps)
        self.conv2 = nn.Conv1d(maps, maps, 3, padding=1)
        if channels != maps:
            self.conv_downsample = nn.Conv1d(channels, maps, 1)
        self.preactivated = preactivation and not first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.conv_downsample(x) if hasattr(self, "conv_downsample") else x
        deep = self.conv1(leaky_relu(self.bn1(x), 0.3) if self.preactivated else x)
        deep = self.conv2(leaky_relu(self.bn2(deep), 0.3))
        return max_pool1d(deep + shortcut, 3)


class Model(Detector):
    """RawNet2 on waveforms.

    Args:
        filters: number of front-end filters.
        maps: numbers of feature maps of the six blocks.
        recurrent: number of features of the GRU, and of the utterance embedding.
        layers: number of GRU layers.
        preactivation: whether a block normalises before its first convolution, as the paper and the baseline of
            ASVspoof 5 do; the baseline of ASVspoof 2021 has the parameters for it but does not use them.
        outputs: number of logits.
    """

    def __init__(
        self,
        sample_rate: int,
        crop_samples: int,
        filters: int,
        maps: list[int],
        recurrent: int,
        layers: int,
        preactivation: bool,
        outputs: int = OUTPUTS,
    ):
        super().__init__(sample_rate, crop_samples)
        self.register_buffer("filters", sinc_filters(filters, SINC_TAPS, sample_rate)[:, None], persistent=False)
        self.first_bn = nn.BatchNorm1d(filters)
        self.blocks = len(maps)
        for n, (before, after) in enumerate(zip([filters, *maps], maps, strict=False)):
            self.add_module(f"block{n}", nn.Sequential(Block(before, after, n == 0, preactivation)))
            self.add_module(f"fc_attention{n}", nn.Sequential(nn.Linear(after, after)))
        self.bn_before_gru = nn.BatchNorm1d(maps[-1])
        self.gru = nn.GRU(maps[-1], recurrent, layers, batch_first=True)
        self.fc1_gru = nn.Linear(recurrent, recurrent)
        self.fc2_gru = nn.Linear(recurrent, outputs)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        bands = nn.functional.conv1d(waveforms[:, None], self.filters).abs()
        x = selu(self.first_bn(max_pool1d(bands, 3)))
        for n in range(self.blocks):
            x = self.get_submodule(f"block{n}")(x)
            scale = torch.sigmoid(self.get_submodule(f"fc_attention{n}")(x.mean(dim=2)))[:, :, None]
            x = x * scale + scale
        frames = selu(self.bn_before_gru(x)).transpose(1, 2)
        return self.fc2_gru(self.fc1_gru(self.gru(frames)[0][:, -1]))

    def cm_score(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the log-odds of bona fide. The baselines' scores, the (log) probability, have the same order."""
        return logits[:, BONAFIDE] - logits[:, SPOOF]
