"""The codec contract."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn.functional import elu

from codecfake.errors import CheckpointError

#: NumPy numbers, which training tools leave beside the weights (a best loss, a learning rate).
NUMBERS = [
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in ("float32", "float64", "int32", "int64", "bool")),
]


class Codec(ABC):
    """A loaded codec. It works at its own rate; it never resamples and never touches audio files."""

    #: Whether a frame decodes the same whatever follows it, so that frames of zeros may complete a batch.
    causal: ClassVar[bool] = False
    #: Whether the codec's own tool cuts a file into windows, which `published` then does.
    windowed: ClassVar[bool] = False
    #: Published name of each checkpoint file, by role; a glob pattern where it differs between models.
    file_names: ClassVar[dict[str, str]] = {}

    def __init__(self, entry: dict, device: str = "cpu"):
        self.entry = entry
        self.sample_rate: int = entry["sample_rate"]
        self.hop: int = entry["hop"]
        self.device = torch.device(device)

    @classmethod
    @abstractmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        """Build the model and fill it from its published files. See `codecfake.codecs.load`."""

    @abstractmethod
    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """What the decoder needs of utterances of one length: codes, or what they stand for.

        Args:
            waveforms: float32 [B, T] at `sample_rate`, full scale 1.0.

        Returns:
            [B, frames, ...].
        """

    @abstractmethod
    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        """[B, frames, ...] of `encode` to float32 [B, T''] at `sample_rate`, T'' at least `output_length(T)`."""

    def resynthesise(self, waveforms: torch.Tensor) -> torch.Tensor:
        """[B, T] to [B, `output_length(T)`]."""
        return self.decode(self.encode(waveforms))[:, : self.output_length(waveforms.shape[1])]

    @abstractmethod
    def output_length(self, num_samples: int) -> int:
        """Number of samples `resynthesise` makes of `num_samples`."""

    def delays(self, num_samples: int) -> range:
        """Samples by which the output of `resynthesise` may lag an input of `num_samples`."""
        least, most = self.entry.get("delay", [0, 0])
        return range(least, most + 1)

    def published(self, waveform: torch.Tensor) -> torch.Tensor:
        """[1, T] to [1, T'], T' at least T, in windows as the codec's own tool. Only if `windowed`."""
        raise NotImplementedError


class TrainableCodec(Codec):
    """A codec whose model `train_codec` can train: a torch module of the package's own class."""

    def __init__(self, entry: dict, model: torch.nn.Module, device: str = "cpu"):
        super().__init__(entry, device)
        self.model = model.to(self.device).eval()

    @classmethod
    @abstractmethod
    def build(cls, entry: dict) -> torch.nn.Module:
        """A model with random weights, from `entry["model"]`, the constructor's arguments."""

    @abstractmethod
    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, T] to the reconstruction [B, T] and the quantizer's loss (scalar)."""

    @abstractmethod
    def save(self, files: dict[str, Path]) -> None:
        """Write the published file format, weights in float16."""


class FastELU(torch.nn.Module):
    """ELU (alpha 1), on a CPU by `exp`: torch's own, by `expm1`, takes six times as long, up to 45 % of a codec's
    time. The two differ by rounding, at most 6e-8."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape to the same shape."""
        if not x.is_cpu:
            return elu(x)
        below = x.clamp(max=0).exp_().sub_(1)
        return torch.maximum(x, below, out=below)


class FastSnake(torch.nn.Module):
    """DAC's activation, x + sin²(αx) / (α + 1e-9), on a CPU with one new tensor in place of five: the same bytes.

    Fresh memory costs more than the arithmetic: DAC at 44.1 kHz takes a fifth less time and half the memory.
    """

    def __init__(self, snake: torch.nn.Module):
        super().__init__()
        self.snake = snake
        self.register_buffer("reciprocal", (snake.alpha.detach() + 1e-9).reciprocal(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, channels, T] to the same shape."""
        if not x.is_cpu:
            return self.snake(x)
        return torch.mul(x, self.snake.alpha).sin_().square_().mul_(self.reciprocal).add_(x)


def make_fast(model: torch.nn.Module) -> None:
    """Ready a model for inference alone: the same function, computed faster.

    Each `weight_g`, `weight_v` of weight norm becomes the weight they make, each ELU a `FastELU`, each snake
    activation of DAC a `FastSnake`.
    """
    for module in list(model.modules()):
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ELU) and child.alpha == 1:
                setattr(module, name, FastELU())
            elif type(child).__name__ == "Snake1d":
                setattr(module, name, FastSnake(child))


def half_state_dict(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state_dict on the CPU with floating-point tensors in float16, to halve the file."""
    return {
        key: value.detach().cpu().half() if value.is_floating_point() else value.detach().cpu()
        for key, value in model.state_dict().items()
    }


def read_checkpoint(path: Path) -> dict:
    """Read a torch checkpoint without running code from it.

    `weights_only` is torch's restricted unpickler; `NUMBERS` is all that is admitted beyond tensors and plain
    containers.

    Raises:
        CheckpointError: the file is missing, is no torch checkpoint, or holds more than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        with torch.serialization.safe_globals(NUMBERS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for a damaged file
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"{path}: not a readable checkpoint ({reason[0]})") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}; a dict is needed")
    return content


def load_state(model: torch.nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Fill the model from a state_dict, strictly: the same keys and shapes.

    Raises:
        CheckpointError: a key is missing, unknown or of another shape.
    """
    try:
        model.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = " ".join(str(error).split())
        raise CheckpointError(f"{path}: does not fit {type(model).__name__}: {lines[:300]}") from None
