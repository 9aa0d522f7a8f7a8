"""AudioDec's networks: causal encoder, residual quantizer, multi-group HiFi-GAN vocoder.

Written from Wu et al., ICASSP 2023 (arXiv 2305.16608) and the keys and shapes of the published state_dicts.
A complete signal is processed at once. This equals the streaming of the paper, since every convolution is causal
and starts from its buffer (`pad_buffer`), the end of its previous input.
"""

import torch
from torch import nn
from torch.nn.functional import embedding, leaky_relu, mse_loss, one_hot
from torch.nn.utils import weight_norm

DILATIONS = (1, 3, 9)
#: Decay of the moving averages per training step; average use below which a code is reinitialised.
EMA_KEEP, DEAD_CODE = 0.95, 0.1
#: Prevents division by zero.
EPSILON = 1e-5


class Causal(nn.Module):
    """A causal layer; its buffer is the input that precedes the first sample of a signal."""

    def __init__(self, channels: int, past: int):
        super().__init__()
        self.register_buffer("pad_buffer", torch.zeros(1, channels, past))

    def with_past(self, x: torch.Tensor) -> torch.Tensor:
        """Prepend the buffer to [B, channels, T]."""
        return torch.cat([self.pad_buffer.expand(len(x), -1, -1), x], dim=2)


class CausalConv1d(Causal):
    """A causal convolution."""

    def __init__(self, channels: int, out: int, kernel: int, *, norm=lambda layer: layer, **options):
        super().__init__(channels, (kernel - 1) * options.get("dilation", 1))
        self.conv = norm(nn.Conv1d(channels, out, kernel, **options))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to [B, out, ceil(T / stride)]."""
        return self.conv(self.with_past(x))


class CausalUpsampling(Causal):
    """A causal transposed convolution with a kernel of two strides."""

    def __init__(self, channels: int, out: int, stride: int, *, norm=lambda layer: layer):
        super().__init__(channels, 1)
        self.stride = stride
        self.deconv = norm(nn.ConvTranspose1d(channels, out, 2 * stride, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to [B, out, T * stride]."""
        return self.deconv(self.with_past(x))[:, :, self.stride : -self.stride]


@torch.no_grad()
def forget(module: nn.Module) -> None:
    """Set the buffer of every causal layer to zero."""
    for layer in module.modules():
        if isinstance(layer, Causal):
            layer.pad_buffer.zero_()


@torch.no_grad()
def remember(module: nn.Module, signal: torch.Tensor) -> None:
    """Process a signal (batch 1) and keep the end of each causal layer's input in its buffer, for all later signals."""

    def keep(layer: Causal, inputs: tuple[torch.Tensor], _) -> None:
        layer.pad_buffer.copy_(layer.with_past(inputs[0])[:, :, inputs[0].shape[2] :])

    hooks = [layer.register_forward_hook(keep) for layer in module.modules() if isinstance(layer, Causal)]
    module(signal)
    for hook in hooks:
        hook.remove()


class ResidualUnit(nn.Module):
    """A dilated convolution and a pointwise convolution, added to the input."""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.conv1 = CausalConv1d(channels, channels, 7, dilation=dilation, bias=False)
        self.conv2 = nn.Conv1d(channels, channels, 1, bias=False)
        self.elu = nn.ELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to the same shape."""
        return x + self.conv2(self.elu(self.conv1(self.elu(x))))


class Block(nn.Module):
    """Residual units and a layer that changes the rate; in the encoder this layer is the last."""

    def __init__(self, width: int, layer: nn.Module):
        super().__init__()
        self.res_units = nn.ModuleList(ResidualUnit(width, dilation) for dilation in DILATIONS)
        self.conv = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, width, T] to [B, out, ceil(T / stride)]."""
        for unit in self.res_units:
            x = unit(x)
        return self.conv(x)


class Encoder(nn.Module):
    """Waveform to features."""

    def __init__(self, channels: int, ratios: list[int], strides: list[int], bias: bool):
        super().__init__()
        widths = [channels, *(channels * ratio for ratio in ratios)]
        self.conv = CausalConv1d(1, channels, 7, bias=False)
        self.conv_blocks = nn.ModuleList(
            Block(width, CausalConv1d(width, out, 2 * stride, stride=stride, bias=bias))
            for width, out, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.width = widths[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, T] to [B, width, ceil(T / hop)]."""
        x = self.conv(x)
        for block in self.conv_blocks:
            x = block(x)
        return x


class UnusedDecoder(nn.Module):
    """The autoencoder's decoder: its weights are in the file, but the vocoder decodes instead."""

    def __init__(self, code_dim: int, channels: int, ratios: list[int], strides: list[int]):
        super().__init__()
        widths = [*(channels * ratio for ratio in ratios), channels]
        self.conv1 = CausalConv1d(code_dim, widths[0], 7, bias=False)
        self.conv_blocks = nn.ModuleList(
            Block(out, CausalUpsampling(width, out, stride))
            for width, out, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.conv2 = CausalConv1d(channels, 1, 7, bias=False)


class Codebook(nn.Module):
    """One codebook, trained by moving averages."""

    def __init__(self, dimension: int, size: int):
        super().__init__()
        self.register_buffer("embed", torch.randn(dimension, size))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed_avg", self.embed.clone())

    def nearest(self, x: torch.Tensor) -> torch.Tensor:
        """Map [..., dimension] to the indices [...] of the nearest vectors (Euclidean distance)."""
        flat = x.reshape(-1, x.shape[-1])
        distances = flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.embed + self.embed.pow(2).sum(0)
        return distances.argmin(1).reshape(x.shape[:-1])

    def lookup(self, indices: torch.Tensor) -> torch.Tensor:
        """Map indices [...] to vectors [..., dimension]."""
        return embedding(indices, self.embed.T)

    @torch.no_grad()
    def learn(self, x: torch.Tensor, indices: torch.Tensor) -> None:
        """Move each vector to the mean of the inputs that chose it; reinitialise rarely chosen ones from the batch."""
        flat = x.reshape(-1, x.shape[-1])
        chosen = one_hot(indices.reshape(-1), self.embed.shape[1]).to(flat.dtype)
        self.cluster_size.lerp_(chosen.sum(0), 1 - EMA_KEEP)
        self.embed_avg.lerp_(flat.T @ chosen, 1 - EMA_KEEP)
        dead = self.cluster_size < DEAD_CODE
        drawn = flat[torch.randint(len(flat), (int(dead.sum()),), device=flat.device)].T
        self.embed_avg[:, dead], self.cluster_size[dead] = drawn, 1.0
        self.embed.copy_(self.embed_avg / (self.cluster_size + EPSILON))


class ResidualQuantizer(nn.Module):
    """A sequence of codebooks, each of which codes the residual of the previous ones."""

    def __init__(self, dimension: int, number: int, size: int):
        super().__init__()
        self.layers = nn.ModuleList(Codebook(dimension, size) for _ in range(number))

    def encode(self, latents: torch.Tensor) -> torch.Tensor:
        """Map [B, frames, D] to codes [B, number, frames]."""
        codes = []
        for layer in self.layers:
            codes.append(layer.nearest(latents))
            latents = latents - layer.lookup(codes[-1])
        return torch.stack(codes, dim=1)

    def lookup(self, codes: torch.Tensor) -> torch.Tensor:
        """Map codes [B, number, frames] to [B, frames, D]."""
        return sum(layer.lookup(indices) for layer, indices in zip(self.layers, codes.unbind(1), strict=True))

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map latents to quantized latents (straight-through gradients) and commitment loss; update the codebooks."""
        codes = self.encode(latents.detach())
        residual = latents.detach()
        for layer, indices in zip(self.layers, codes.unbind(1), strict=True):
            quantized = layer.lookup(indices)
            layer.learn(residual, indices)
            residual = residual - quantized
        quantized = latents.detach() - residual
        return latents + (quantized - latents).detach(), mse_loss(latents, quantized)


class Autoencoder(nn.Module):
    """The model in the file `autoencoder`."""

    def __init__(self, config: dict):
        super().__init__()
        self.encoder = Encoder(
            config["encode_channels"], config["enc_ratios"], config["enc_strides"], config.get("bias", True)
        )
        code_dim = config["code_dim"]
        self.decoder = UnusedDecoder(code_dim, config["decode_channels"], config["dec_ratios"], config["dec_strides"])
        self.projector = nn.Module()
        self.projector.project = CausalConv1d(self.encoder.width, code_dim, 3, bias=False)
        self.quantizer = nn.Module()
        self.quantizer.codebook = ResidualQuantizer(code_dim, config["codebook_num"], config["codebook_size"])

    def latents(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, T] to [B, frames, code_dim]."""
        return self.projector.project(self.encoder(waveforms)).transpose(1, 2)


class MultiGroupBlock(nn.Module):
    """Residual grouped convolutions on copies of the input, then a convolution that mixes the groups."""

    def __init__(self, channels: int, kernel: int, dilations: list[int], groups: int, slope: float):
        super().__init__()
        self.groups, self.slope = groups, slope
        width = channels * groups

        def convolutions(rates: list[int]) -> nn.ModuleList:
            return nn.ModuleList(
                CausalConv1d(width, width, kernel, dilation=rate, groups=groups, norm=weight_norm) for rate in rates
            )

        self.convs1, self.convs2 = convolutions(dilations), convolutions([1] * len(dilations))
        self.conv_out = weight_norm(nn.Conv1d(width, channels, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to the same shape."""
        x = x.repeat(1, self.groups, 1)
        for first, second in zip(self.convs1, self.convs2, strict=True):
            x = x + second(leaky_relu(first(leaky_relu(x, self.slope)), self.slope))
        return self.conv_out(x)


class Vocoder(nn.Module):
    """The model in the file `vocoder`: quantized latents to waveform."""

    def __init__(self, config: dict):
        super().__init__()
        (kernel,), (dilations,) = config["resblock_kernel_sizes"], config["resblock_dilations"]
        self.slope = config["nonlinear_activation_params"]["negative_slope"]
        width, size = config["channels"], config["kernel_size"]
        self.register_buffer("mean", torch.zeros(config["in_channels"]))
        self.register_buffer("scale", torch.ones(config["in_channels"]))
        self.input_conv = CausalConv1d(config["in_channels"], width, size, norm=weight_norm)
        self.upsamples, self.blocks = nn.ModuleList(), nn.ModuleList()
        for stride in config["upsample_scales"]:
            self.upsamples.append(CausalUpsampling(width, width // 2, stride, norm=weight_norm))
            width //= 2
            self.blocks.append(MultiGroupBlock(width, kernel, dilations, config["groups"], self.slope))
        self.output_conv = CausalConv1d(width, 1, size, norm=weight_norm)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Map [B, frames, in_channels] to [B, 1, frames * hop], within ±1."""
        x = self.input_conv(((latents - self.mean) / self.scale).transpose(1, 2))
        for upsampling, block in zip(self.upsamples, self.blocks, strict=True):
            x = block(upsampling(leaky_relu(x, self.slope)))
        return torch.tanh(self.output_conv(leaky_relu(x)))
