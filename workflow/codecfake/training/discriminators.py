"""Discriminators for the adversarial phase of a codec's training.

`stft` judges complex spectrograms at several resolutions (Défossez et al., TMLR 2023, EnCodec); `period` judges every
p-th sample (Kong et al. 2020, HiFi-GAN). Both are smaller than published. The losses are least squares and feature
matching, as in HiFi-GAN.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import leaky_relu, pad
from torch.nn.utils.parametrizations import weight_norm

N_FFTS, STFT_CHANNELS = (256, 512, 1024), 16
PERIODS, PERIOD_CHANNELS = (2, 3, 5, 7, 11), (8, 16, 32, 48)
#: Exponent of the magnitudes: compression makes faint parts of a spectrum count.
COMPRESSION = 0.3
SLOPE = 0.1
LEAST_MAGNITUDE = 1e-5

#: Outputs of one discriminator: the feature maps of its layers, then the logits.
Maps = list[torch.Tensor]


class Convolutions(nn.Module):
    """Layers with leaky ReLUs between them."""

    def __init__(self, layers: Sequence[nn.Conv2d]):
        super().__init__()
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, x: torch.Tensor) -> Maps:
        """Map [B, C, H, W] to the output of every layer."""
        maps = []
        for layer in self.layers[:-1]:
            x = leaky_relu(layer(x), SLOPE)
            maps.append(x)
        return [*maps, self.layers[-1](x)]


class StftDiscriminator(nn.Module):
    """Judges the complex spectrogram of one window length."""

    def __init__(self, n_fft: int):
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        width = STFT_CHANNELS

        def dilated(dilation: int) -> nn.Conv2d:
            return nn.Conv2d(width, width, (5, 3), stride=(2, 1), padding=(2, dilation), dilation=(1, dilation))

        self.convolutions = Convolutions(
            [
                nn.Conv2d(2, width, (5, 3), stride=(2, 1), padding=(2, 1)),
                *map(dilated, (1, 2, 4)),
                nn.Conv2d(width, 1, (3, 3), padding=1),
            ]
        )

    def forward(self, waveforms: torch.Tensor) -> Maps:
        """Map [B, T] to the outputs of the layers, [B, channels, frequencies, frames]."""
        spectra = torch.stft(
            waveforms, self.n_fft, self.n_fft // 2, window=self.window, normalized=True, return_complex=True
        )
        magnitudes = spectra.abs().clamp(min=LEAST_MAGNITUDE)
        return self.convolutions(torch.view_as_real(spectra * magnitudes ** (COMPRESSION - 1)).permute(0, 3, 1, 2))


class PeriodDiscriminator(nn.Module):
    """Judges a waveform folded into rows of `period` samples."""

    def __init__(self, period: int):
        super().__init__()
        self.period = period
        widths = (1, *PERIOD_CHANNELS)
        self.convolutions = Convolutions(
            [
                *(nn.Conv2d(width, out, (5, 1), stride=(3, 1), padding=(2, 0)) for width, out in pairwise(widths)),
                nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)),
            ]
        )

    def forward(self, waveforms: torch.Tensor) -> Maps:
        """Map [B, T] to the outputs of the layers, [B, channels, rows, period]."""
        missing = -waveforms.shape[1] % self.period
        return self.convolutions(pad(waveforms, (0, missing)).unflatten(1, (-1, self.period)).unsqueeze(1))


#: Builds the discriminators of each kind.
KINDS: dict[str, Callable[[], list[nn.Module]]] = {
    "stft": lambda: [StftDiscriminator(n_fft) for n_fft in N_FFTS],
    "period": lambda: [PeriodDiscriminator(period) for period in PERIODS],
}


class Discriminators(nn.Module):
    """The discriminators of several kinds, with random weights."""

    def __init__(self, kinds: Sequence[str]):
        super().__init__()
        self.members = nn.ModuleList(member for kind in kinds for member in KINDS[kind]())

    def forward(self, waveforms: torch.Tensor) -> list[Maps]:
        """Return the outputs of each discriminator for waveforms [B, T]."""
        return [member(waveforms) for member in self.members]

    def loss(self, natural: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Return the discriminators' loss (scalar): logits aim at 1 for natural and at 0 for decoded audio [B, T]."""
        judged = zip(self(natural), self(decoded.detach()), strict=True)
        losses = [(real[-1] - 1).square().mean() + fake[-1].square().mean() for real, fake in judged]
        return torch.stack(losses).mean()

    def codec_losses(self, natural: torch.Tensor, decoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the codec's losses (scalars): adversarial, and the relative L1 distance of the feature maps."""
        with torch.no_grad():
            targets = self(natural)
        judged = self(decoded)
        adversarial = torch.stack([(maps[-1] - 1).square().mean() for maps in judged]).mean()
        distances = [
            (found - target).abs().mean() / target.abs().mean()
            for maps, of_natural in zip(judged, targets, strict=True)
            for found, target in zip(maps[:-1], of_natural[:-1], strict=True)
        ]
        return adversarial, torch.stack(distances).mean()
