"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): steps of orthogonal matrices.

A codec with few latent channels and no normalisation layers needs several times as many steps of Adam: a step of Adam
changes few directions of a weight matrix, a step of Muon changes all of them equally.
"""

from collections.abc import Iterable

import torch
from torch import nn

MOMENTUM = 0.95
#: Coefficients and number of the Newton-Schulz iterations, which move all singular values close to 1.
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
LEAST_NORM = 1e-7


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights of layers that have several inputs and several outputs.

    Codebooks are not among them, nor are recurrent weights, which grow until the gradients overflow.
    """
    excluded = {
        id(weight)
        for module in model.modules()
        if isinstance(module, nn.Embedding | nn.RNNBase)
        for weight in module.parameters()
    }
    return [
        weight
        for weight in model.parameters()
        if weight.dim() > 1 and min(len(weight), weight[0].numel()) > 1 and id(weight) not in excluded
    ]


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Return the [M, N] matrix with the same singular vectors whose singular values are about 1 (0.7 to 1.2)."""
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if is_tall else matrix) / (matrix.norm() + LEAST_NORM)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if is_tall else x


class Muon(torch.optim.Optimizer):
    """The optimiser of weights with at least two dimensions; a convolution's [C, ...] is a matrix with C rows.

    A weight keeps its norm, which relative steps would raise exponentially. Normalisation layers and the magnitudes of
    weight normalisation, which Adam trains, set the scale.

    Args:
        lr: norm of a step relative to the weight's norm, as in LARS (You et al. 2017): the sizes of a model's layers
            need no further factors.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float):
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        """Change every weight that has a gradient."""
        for group in self.param_groups:
            for weight in (weight for weight in group["params"] if weight.grad is not None):
                state = self.state[weight]
                if not state:
                    state["mean"] = torch.zeros_like(weight)
                mean = state["mean"].lerp_(weight.grad, 1 - MOMENTUM)
                nesterov = weight.grad.lerp(mean, MOMENTUM)
                direction = orthogonal(nesterov.flatten(1)).view_as(weight)
                norm = weight.norm()
                weight.sub_(direction * (group["lr"] * norm / (direction.norm() + LEAST_NORM)))
                weight.mul_(norm / (weight.norm() + LEAST_NORM))
