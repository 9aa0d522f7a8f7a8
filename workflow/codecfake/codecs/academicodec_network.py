"""The HiFi-Codec network: HiFi-GAN's generator, its mirror as encoder, group-residual vector quantization.

Written from Yang et al. 2023 (arXiv 2305.02765), Kong et al. 2020 (HiFi-GAN, arXiv 2010.05646) and the keys
and shapes of the published state_dicts. `upsample_initial_channel`, 512 in the published configurations, is the
dimension of the latents and sets all widths: the encoder's width doubles at every stride until it reaches it.
"""

import torch
from torch import nn
from torch.nn.functional import leaky_relu
from torch.nn.utils import weight_norm

SLOPE = 0.1


class ResBlock(nn.Module):
    """Residual units of one kernel size; if `double` ("resblock": "1"), each has a second, undilated convolution."""

    def __init__(self, channels: int, kernel_size: int, dilations: list[int], double: bool):
        super().__init__()

        def convolutions(rates: list[int]) -> nn.ModuleList:
            return nn.ModuleList(
                weight_norm(
                    nn.Conv1d(channels, channels, kernel_size, dilation=rate, padding=(kernel_size - 1) * rate // 2)
                )
                for rate in rates
            )

        self.double = double
        if double:
            self.convs1, self.convs2 = convolutions(dilations), convolutions([1] * len(dilations))
        else:
            self.convs = convolutions(dilations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to the same shape."""
        if not self.double:
            for convolution in self.convs:
                x = x + convolution(leaky_relu(x, SLOPE))
            return x
        for first, second in zip(self.convs1, self.convs2, strict=True):
            x = x + second(leaky_relu(first(leaky_relu(x, SLOPE)), SLOPE))
        return x


class Encoder(nn.Module):
    """Waveform to latents. Strides and kernels are those of the generator in reverse order."""

    def __init__(self, config: dict):
        super().__init__()
        strides = list(reversed(list(zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True))))
        latent = config["upsample_initial_channel"]
        width = latent // 2 ** len(strides)
        branches = list(
            reversed(list(zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True)))
        )
        self.conv_pre = weight_norm(nn.Conv1d(1, width, 7, padding=3))
        self.ups, self.resblocks, self.normalize = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for stride, kernel in strides:
            convolution = nn.Conv1d(width, 2 * width, kernel, stride, padding=(kernel - stride) // 2)
            self.ups.append(weight_norm(convolution))
            width *= 2
            for kernel_size, dilations in branches:
                self.resblocks.append(ResBlock(width, kernel_size, dilations, config["resblock"] == "1"))
                self.normalize.append(nn.GroupNorm(max(1, width // 16), width, eps=1e-6))
        self.conv_post = nn.Conv1d(latent, latent, 3, padding=1)
        self.branches = len(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, T] to [B, latent, T / hop]."""
        x = self.conv_pre(x)
        for number, down in enumerate(self.ups):
            x = down(leaky_relu(x, SLOPE))
            total = torch.zeros_like(x)
            for branch in range(number * self.branches, (number + 1) * self.branches):
                total = self.normalize[branch](total + self.resblocks[branch](x))
            x = total / self.branches
        return self.conv_post(leaky_relu(x))


class Generator(nn.Module):
    """Latents to waveform (HiFi-GAN)."""

    def __init__(self, config: dict):
        super().__init__()
        width = config["upsample_initial_channel"]
        branches = list(zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True))
        self.conv_pre = weight_norm(nn.Conv1d(width, width, 7, padding=3))
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for stride, kernel in zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True):
            convolution = nn.ConvTranspose1d(width, width // 2, kernel, stride, padding=(kernel - stride) // 2)
            self.ups.append(weight_norm(convolution))
            width //= 2
            for kernel_size, dilations in branches:
                self.resblocks.append(ResBlock(width, kernel_size, dilations, config["resblock"] == "1"))
        self.conv_post = weight_norm(nn.Conv1d(width, 1, 7, padding=3))
        self.branches = len(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, latent, frames] to [B, 1, frames * hop], within ±1."""
        x = self.conv_pre(x)
        for number, up in enumerate(self.ups):
            x = up(leaky_relu(x, SLOPE))
            first = number * self.branches
            x = sum(self.resblocks[first + branch](x) for branch in range(self.branches)) / self.branches
        return torch.tanh(self.conv_post(leaky_relu(x, SLOPE)))


class Codebook(nn.Module):
    """One codebook; its vectors are trained by gradient descent."""

    def __init__(self, size: int, dimension: int):
        super().__init__()
        self.embedding = nn.Embedding(size, dimension)
        nn.init.uniform_(self.embedding.weight, -1 / size, 1 / size)

    def nearest(self, x: torch.Tensor) -> torch.Tensor:
        """Map [..., dimension] to the indices [...] of the nearest vectors (Euclidean distance)."""
        flat, vectors = x.reshape(-1, x.shape[-1]), self.embedding.weight
        distances = flat.pow(2).sum(1, keepdim=True) + vectors.pow(2).sum(1) - 2 * flat @ vectors.T
        return distances.argmin(1).reshape(x.shape[:-1])


class Quantizer(nn.Module):
    """Group-residual quantizer: splits latents into groups, each with its own two residual codebooks."""

    def __init__(self, config: dict):
        super().__init__()
        self.groups = config["n_code_groups"]
        self.codebook_weight = config["codebook_loss_lambda"]
        self.commitment_weight = config["commitment_loss_lambda"]
        dimension = config["upsample_initial_channel"] // self.groups

        def layer() -> nn.ModuleList:
            return nn.ModuleList(Codebook(config["n_codes"], dimension) for _ in range(self.groups))

        self.quantizer_modules, self.quantizer_modules2 = layer(), layer()

    @property
    def layers(self) -> tuple[nn.ModuleList, nn.ModuleList]:
        """Return the codebooks by layer, then group."""
        return self.quantizer_modules, self.quantizer_modules2

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map [B, latent, frames] to quantized latents (straight-through gradients), loss and codes."""
        residual = latents.transpose(1, 2)
        total, losses, codes = torch.zeros_like(residual), [], []
        for layer in self.layers:
            parts = residual.chunk(self.groups, dim=-1)
            found = [codebook.nearest(part) for codebook, part in zip(layer, parts, strict=True)]
            chosen = torch.cat([book.embedding(index) for book, index in zip(layer, found, strict=True)], dim=-1)
            losses.append(
                self.codebook_weight * (chosen - residual.detach()).pow(2).mean()
                + self.commitment_weight * (chosen.detach() - residual).pow(2).mean()
            )
            chosen = residual + (chosen - residual).detach()
            residual, total = residual - chosen, total + chosen
            codes += found
        return total.transpose(1, 2), torch.stack(losses).mean(), torch.stack(codes, dim=-1)

    def lookup(self, codes: torch.Tensor) -> torch.Tensor:
        """Map codes [B, frames, 2 * groups] to latents [B, latent, frames]."""
        layers = zip(self.layers, codes.split(self.groups, dim=-1), strict=True)
        total = sum(
            torch.cat([book.embedding(indices[..., group]) for group, book in enumerate(layer)], dim=-1)
            for layer, indices in layers
        )
        return total.transpose(1, 2)


class HiFiCodec(nn.Module):
    """Encoder, quantizer and generator.

    Args:
        config: the keys of the published JSON file that the model reads.
    """

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        self.encoder, self.quantizer, self.generator = Encoder(config), Quantizer(config), Generator(config)

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, T] to codes [B, frames, 2 * groups]."""
        return self.quantizer(self.encoder(waveforms))[2]

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Map codes [B, frames, 2 * groups] to [B, 1, frames * hop]."""
        return self.generator(self.quantizer.lookup(codes))

    def frames(self, num_samples: int) -> int:
        """Return the number of frames of a waveform."""
        for convolution in self.encoder.ups:
            (kernel,), (stride,), (padding,) = convolution.kernel_size, convolution.stride, convolution.padding
            num_samples = (num_samples + 2 * padding - kernel) // stride + 1
        return num_samples
