"""AASIST's blocks on a CPU, computed in tiles of frames.

A block's maps are far larger than the caches: every pass over them waits for memory, and memory allocation takes
longer than the arithmetic. Here all passes over a tile of frames run while the tile is in the cache, and full-length
maps are kept only if the gradient needs them. The memory layout is [B, T, F, C], which oneDNN convolves fastest and in
which the frames of a tile are contiguous.
Shapes: B utterances, T frames, F bands, C maps.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import nn
from torch.autograd.function import once_differentiable

#: Frames per tile, a multiple of the three that are pooled: 1.5 MB of AASIST's maps. The time is about the same from
#: 300 to 900.
FRAMES = 480
#: Frames and bands that max pooling combines.
POOL = (3, 1)
#: Constants of SELU (Klambauer et al., NeurIPS 2017).
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def block(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Compute an `aasist.Block`: map [B, C, F, T] to [B, C', F, T // 3]."""
    maps = x.permute(0, 3, 2, 1).contiguous()
    bn, first, second = module.bn2, FirstConvolution.of(module.conv1), Convolution.of(module.conv2)
    shortcut = Convolution.of(module.conv_downsample) if hasattr(module, "conv_downsample") else Identity()
    if bn.training and maps.shape[3] > 1:
        source, mean, variance = _Convolved.apply(maps, *first)
        normalised = Normalisation(mean, _scale(bn, variance), bn.bias)
    else:
        # mean and variance are known without the convolution, so that it can be fused with the normalisation
        mean, variance = first.moments(maps) if bn.training else (bn.running_mean, bn.running_var)
        source, normalised = maps, first.normalised(mean, _scale(bn, variance), bn.bias)
    if bn.training:
        _note(bn, mean, variance, number=x.shape[0] * (x.shape[2] + 1) * x.shape[3])
    layers = normalised, second, shortcut
    parameters = (parameter for layer in layers for parameter in layer)
    return _Pooled.apply(maps, source, [type(layer) for layer in layers], *parameters).permute(0, 3, 2, 1)


def _scale(bn: nn.BatchNorm2d, variance: torch.Tensor) -> torch.Tensor:
    return bn.weight * (variance + bn.eps).rsqrt()


@torch.no_grad()
def _note(bn: nn.BatchNorm2d, mean: torch.Tensor, variance: torch.Tensor, number: int) -> None:
    """Update the running statistics with those of a batch with `number` values per map."""
    bn.num_batches_tracked.add_(1)
    momentum = 1 / bn.num_batches_tracked.item() if bn.momentum is None else bn.momentum
    bn.running_mean.lerp_(mean, momentum)
    bn.running_var.lerp_(variance * (number / (number - 1)), momentum)


class _Convolved(torch.autograd.Function):
    """Applies a `FirstConvolution` to maps [B, T, F, C]; returns [B, T, F + 1, C'], its mean and its variance [C']."""

    @staticmethod
    def forward(ctx, maps, *parameters):
        convolution = FirstConvolution(*parameters)
        batch, frames, bands, _ = maps.shape
        convolved = maps.new_empty(batch, frames, bands + 1, len(convolution.bias))
        means, variances, shares = [], [], []
        for tile in _tiles(batch, frames, neighbours=1):
            own = convolved[tile.own] = convolution(maps[tile.around])[tile.inside]
            means.append(own.mean((0, 1, 2)))
            variances.append((own - means[-1]).square_().mean((0, 1, 2)))
            shares.append(own.shape[1] / (batch * frames))
        means, variances, shares = torch.stack(means), torch.stack(variances), maps.new_tensor(shares)
        mean = shares @ means
        variance = shares @ (variances + (means - mean).square())
        ctx.save_for_backward(maps, convolved, mean, *parameters)
        return convolved, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx, of_convolved, of_mean, of_variance):
        maps, convolved, mean, *parameters = ctx.saved_tensors
        convolution = FirstConvolution(*parameters)
        number = convolved[..., 0].numel()
        slope = 2 * of_variance / number
        offset = of_mean / number - slope * mean
        of_maps, of_parameters = torch.zeros_like(maps), [torch.zeros_like(each) for each in parameters]
        for tile in _tiles(*maps.shape[:2], neighbours=1):
            gradient = torch.zeros_like(convolved[tile.around])
            gradient[tile.inside] = torch.addcmul(offset, convolved[tile.own], slope).add_(of_convolved[tile.own])
            of_around, *parts = convolution.backward(gradient, maps[tile.around])
            of_maps[tile.around] += of_around
            _add(of_parameters, parts)
        return of_maps, *of_parameters


class _Pooled(torch.autograd.Function):
    """Maps a block's input [B, T, F, C] and the source of its normalised maps to [B, T // 3, F, C'].

    The source is [B, T, F + 1, C'] for a `Normalisation`, and the block's input for a `FirstConvolution`. The other
    arguments are the types of three layers (this one, the second convolution, the shortcut) and their parameters.
    """

    @staticmethod
    def forward(ctx, maps, source, kinds, *parameters):
        normalised, second, shortcut = _layers(kinds, parameters)
        batch, frames, bands, _ = maps.shape
        out = maps.new_empty(batch, frames // 3, bands, len(second.bias))
        places = []
        for tile in _tiles(batch, frames // 3 * 3, neighbours=2):
            activated = _selu_(normalised(source[tile.around]))
            deep = second(activated).add_(shortcut(maps[tile.around]))
            pooled, place = nn.functional.max_pool2d(_nchw(deep[tile.inside]), POOL, return_indices=True)
            out[tile.pooled] = _nhwc(pooled)
            places.append(place.int())
        ctx.kinds = kinds
        ctx.save_for_backward(maps, source, *parameters, *places)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, of_out):
        maps, source, *rest = ctx.saved_tensors
        rest = iter(rest)
        normalised, second, shortcut = layers = _layers(ctx.kinds, rest)
        of_maps, of_source = torch.zeros_like(maps), torch.zeros_like(source)
        of_parameters = [torch.zeros_like(parameter) for layer in layers for parameter in layer]
        for tile, place in zip(_tiles(len(maps), 3 * of_out.shape[1], neighbours=2), rest, strict=True):
            # recomputed, which is faster than keeping it
            activated = _selu_(normalised(source[tile.around]))
            of_deep = torch.zeros_like(activated[:, :, : of_out.shape[2]])
            of_deep[tile.inside] = _unpooled(of_out[tile.pooled], place)
            of_activated, *of_second = second.backward(of_deep, activated)
            of_normalised = torch.ops.aten.elu_backward(of_activated, ALPHA, SCALE, 1, True, activated)
            of_around, *of_first = normalised.backward(of_normalised, source[tile.around])
            of_source[tile.around] += of_around
            of_around, *of_shortcut = shortcut.backward(of_deep, maps[tile.around])
            of_maps[tile.around] += of_around
            _add(of_parameters, (*of_first, *of_second, *of_shortcut))
        return of_maps, of_source, None, *of_parameters


def _selu_(x: torch.Tensor) -> torch.Tensor:
    """Compute SELU in place by `exp`: torch's SELU uses `expm1` and takes five times as long."""
    below = x.clamp(max=0).exp_().sub_(1)
    return x.clamp_(min=0).mul_(SCALE).add_(below, alpha=SCALE * ALPHA)


def _unpooled(pooled: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Put gradients [1, T, F, C] at their places among zeros, [1, 3 T, F, C]."""
    like = _nchw(pooled.new_empty(1, 3 * pooled.shape[1], *pooled.shape[2:]))
    pooling = POOL, POOL, (0, 0), (1, 1), False
    return _nhwc(torch.ops.aten.max_pool2d_with_indices_backward(_nchw(pooled), like, *pooling, place.long()))


class Convolution(NamedTuple):
    """A convolution of any number of frames, padded with one frame of zeros on either side.

    weight: [C', C, frames, bands].
    """

    weight: torch.Tensor
    bias: torch.Tensor
    bands = 0  # bands of zeros on either side

    @classmethod
    def of(cls, module: nn.Conv2d) -> "Convolution":
        """Convert a convolution of [B, C, F, T]."""
        return cls(module.weight.transpose(2, 3).contiguous(memory_format=torch.channels_last), module.bias)

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        """Map [1, T, F, C] to [1, T, F', C']."""
        if maps.shape[3] == 1:
            flat = torch.addmm(self.bias, _seen(maps, *self.reach).T, self.weight.flatten(1).T)
            return flat.view(1, maps.shape[1], -1, len(self.bias))
        return _nhwc(nn.functional.conv2d(_nchw(maps), self.weight, self.bias, padding=(1, self.bands)))

    def backward(self, gradient: torch.Tensor, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the gradients of the maps, the weight and the bias."""
        if maps.shape[3] == 1:
            flat = gradient.reshape(-1, len(self.bias))
            of_maps = _of_maps(self.weight.flatten(1).T @ flat.T, maps.shape[1:3], *self.reach)
            return of_maps, (_seen(maps, *self.reach) @ flat).T.view_as(self.weight), flat.sum(0)
        one = (1, 1)
        of_maps, of_weight, of_bias = torch.ops.aten.convolution_backward(
            *(_nchw(gradient), _nchw(maps), self.weight, self.bias.shape),
            *(one, (1, self.bands), one, False, (0, 0), 1, (True, True, True)),
        )
        return _nhwc(of_maps), of_weight, of_bias

    @property
    def reach(self) -> tuple[torch.Size, tuple[int, int]]:
        """Return the kernel size, and the zero padding on either side."""
        return self.weight.shape[2:], (1, self.bands)


class FirstConvolution(Convolution):
    """The first convolution of a block."""

    bands = 1

    def moments(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and variance [C'] of the convolution of single maps [B, T, F, 1] without computing it."""
        mean, covariance = _Moments.apply(maps, *self.reach)
        weight = self.weight.flatten(1)
        return weight @ mean + self.bias, (weight @ covariance * weight).sum(1)

    def normalised(self, mean: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor) -> "FirstConvolution":
        """Return this convolution fused with a `Normalisation` after it."""
        return FirstConvolution(self.weight * scale[:, None, None, None], (self.bias - mean) * scale + bias)


class Normalisation(NamedTuple):
    """Normalisation of maps, each by its mean, scale and bias [C]."""

    mean: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        """Map [1, T, F, C] to the same shape."""
        return torch.addcmul(self.bias - self.mean * self.scale, maps, self.scale)

    def backward(self, gradient: torch.Tensor, maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the gradients of the maps, the mean, the scale and the bias."""
        of_bias = gradient.sum((0, 1, 2))
        of_scale = (maps - self.mean).mul_(gradient).sum((0, 1, 2))
        return gradient * self.scale, -self.scale * of_bias, of_scale, of_bias


class Identity(NamedTuple):
    """The shortcut of a block that has no convolution there."""

    def __call__(self, maps: torch.Tensor) -> torch.Tensor:
        return maps

    def backward(self, gradient: torch.Tensor, maps: torch.Tensor) -> tuple[torch.Tensor]:
        return (gradient,)


def _layers(kinds: list[type], parameters: Iterable[torch.Tensor]) -> list[tuple]:
    """Build layers of the given types, each from as many parameters as it has fields."""
    parameters = iter(parameters)
    return [kind(*islice(parameters, len(kind._fields))) for kind in kinds]


class _Moments(torch.autograd.Function):
    """Computes mean [K] and covariance [K, K] of the inputs of a kernel of K weights on single maps [B, T, F, 1]."""

    @staticmethod
    def forward(ctx, maps, kernel, padding):
        means, covariances = [], []
        for one in maps.split(1):
            seen = _seen(one, kernel, padding)
            means.append(seen.mean(1))
            seen -= means[-1][:, None]
            covariances.append(seen @ seen.T / seen.shape[1])
        means = torch.stack(means)
        mean = means.mean(0)
        ctx.save_for_backward(maps, mean)
        ctx.reach, ctx.number = (kernel, padding), len(maps) * seen.shape[1]
        return mean, torch.stack(covariances).mean(0) + torch.cov(means.T, correction=0)

    @staticmethod
    @once_differentiable
    def backward(ctx, of_mean, of_covariance):
        maps, mean = ctx.saved_tensors
        slope = (of_covariance + of_covariance.T) / ctx.number
        offset = (of_mean / ctx.number - slope @ mean)[:, None]
        of_seen = (torch.addmm(offset, slope, _seen(one, *ctx.reach)) for one in maps.split(1))
        return torch.cat([_of_maps(each, maps.shape[1:3], *ctx.reach) for each in of_seen]), None, None


def _seen(maps: torch.Tensor, kernel: tuple[int, int], padding: tuple[int, int]) -> torch.Tensor:
    """Return the inputs [K, T * F'] of a kernel of K weights on a single map [1, T, F, 1].

    A single map is convolved by a matrix product with these, since oneDNN is slow on it.
    """
    return nn.functional.unfold(_nchw(maps), kernel, padding=padding)[0]


def _of_maps(of_seen: torch.Tensor, size: tuple[int, int], kernel, padding) -> torch.Tensor:
    """Return the gradient of a map [1, T, F, 1] from the gradient of its `_seen`."""
    return _nhwc(nn.functional.fold(of_seen[None], size, kernel, padding=padding))


def _nchw(maps: torch.Tensor) -> torch.Tensor:
    """Permute [B, T, F, C] to torch's [B, C, T, F]: the same memory, which torch calls channels last."""
    return maps.permute(0, 3, 1, 2)


def _nhwc(maps: torch.Tensor) -> torch.Tensor:
    return maps.permute(0, 2, 3, 1)


def _add(totals: Iterable[torch.Tensor], parts: Iterable[torch.Tensor]) -> None:
    for total, part in zip(totals, parts, strict=True):
        total += part


class Tile(NamedTuple):
    """A range of frames of an utterance, as indices of maps [B, T, F, C]."""

    own: tuple[slice, slice]
    around: tuple[slice, slice]  # own frames and the neighbours that exist
    inside: tuple[slice, slice]  # own frames within `around`
    pooled: tuple[slice, slice]  # own frames after pooling


def _tiles(batch: int, frames: int, neighbours: int) -> Iterator[Tile]:
    """Cut the first `frames` of every utterance into tiles."""
    for number in range(batch):
        utterance = slice(number, number + 1)
        for start in range(0, frames, FRAMES):
            stop, first = min(start + FRAMES, frames), max(start - neighbours, 0)
            yield Tile(
                own=(utterance, slice(start, stop)),
                around=(utterance, slice(first, stop + neighbours)),
                inside=(slice(None), slice(start - first, stop - first)),
                pooled=(utterance, slice(start // 3, stop // 3)),
            )
