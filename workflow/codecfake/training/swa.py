"""Stochastic weight averaging (Izmailov et al., UAI 2018)."""

from collections.abc import Iterable

import torch

from codecfake.trials.dataset import to_device

_BATCH_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.SyncBatchNorm)


class Average:
    """The running mean of the floating-point tensors of state_dicts."""

    def __init__(self, mean: dict[str, torch.Tensor] | None = None, count: int = 0):
        self.mean, self.count = mean or {}, count

    def state(self) -> tuple[dict[str, torch.Tensor], int]:
        """Return the constructor arguments that restore this average."""
        return self.mean, self.count

    def add(self, state_dict: dict[str, torch.Tensor]) -> None:
        self.count += 1
        for key, value in state_dict.items():
            if value.is_floating_point():
                value = value.detach().cpu()
                mean = self.mean.setdefault(key, torch.zeros_like(value))
                mean += (value - mean) / self.count

    def put_into(self, model: torch.nn.Module) -> None:
        model.load_state_dict({**model.state_dict(), **self.mean})


@torch.no_grad()
def estimate_batch_norm(model: torch.nn.Module, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Recompute the running statistics of batch normalisation: averaged statistics do not fit averaged weights."""
    device = next(model.parameters()).device
    layers = [layer for layer in model.modules() if isinstance(layer, _BATCH_NORMS)]
    momenta = [layer.momentum for layer in layers]
    model.eval()  # no dropout
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # cumulative mean: all batches weigh the same
        layer.train()
    for waveforms, _ in batches:
        model(to_device(waveforms, device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
