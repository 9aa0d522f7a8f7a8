"""Layers that compute the codecs' inference faster than the codecs' packages."""

import torch
from torch.nn.functional import elu


class FastELU(torch.nn.Module):
    """ELU (alpha 1), computed by `exp` on a CPU.

    Torch's ELU uses `expm1` and takes six times as long, up to 45 % of a codec's time. The two differ by rounding, at
    most 6e-8.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map any shape to the same shape."""
        if not x.is_cpu:
            return elu(x)
        below = x.clamp(max=0).exp_().sub_(1)
        return torch.maximum(x, below, out=below)


class FastSnake(torch.nn.Module):
    """DAC's activation, x + sin²(αx) / (α + 1e-9), with one new tensor instead of five on a CPU: the same bytes.

    Memory allocation takes longer than the arithmetic: DAC at 44.1 kHz takes a fifth less time and half the memory.
    """

    def __init__(self, snake: torch.nn.Module):
        super().__init__()
        self.snake = snake
        self.register_buffer("reciprocal", (snake.alpha.detach() + 1e-9).reciprocal(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, channels, T] to the same shape."""
        if not x.is_cpu:
            return self.snake(x)
        return torch.mul(x, self.snake.alpha).sin_().square_().mul_(self.reciprocal).add_(x)


def make_fast(model: torch.nn.Module) -> None:
    """Prepare a model for inference only: it computes the same function faster.

    Weight norm (`weight_g`, `weight_v`) is folded into the weight, each ELU becomes a `FastELU`, each snake activation
    of DAC a `FastSnake`.
    """
    for module in list(model.modules()):
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ELU) and child.alpha == 1:
                setattr(module, name, FastELU())
            elif type(child).__name__ == "Snake1d":
                setattr(module, name, FastSnake(child))
