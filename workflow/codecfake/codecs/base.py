"""The codec contract."""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import torch

from codecfake.util.errors import CheckpointError


def check_model(path: Path, entry: dict, **found: int | None) -> None:
    """Refuse a file whose model differs from its entry of codecs.yaml.

    Args:
        found: `sample_rate`, `hop` or `n_q`, as in the file; None if the file does not state it.

    Raises:
        CheckpointError: a value differs.
    """
    for key, value in found.items():
        if value not in (None, entry[key]):
            raise CheckpointError(f"{path}: the model's {key} is {value}; the codec's entry has {entry[key]}")


class Codec(ABC):
    """A loaded codec. It works at its own sample rate; it never resamples and never reads or writes audio files."""

    #: Whether a decoded frame is independent of later frames, so that a batch can be padded with zero frames.
    causal: ClassVar[bool] = False
    #: Whether the codec's own tool cuts files into windows; `published` then does so too.
    windowed: ClassVar[bool] = False
    #: Published name of each checkpoint file, by role; a glob pattern if it differs between models.
    file_names: ClassVar[dict[str, str]] = {}

    def __init__(self, entry: dict, device: str = "cpu"):
        self.entry = entry
        self.sample_rate: int = entry["sample_rate"]
        self.hop: int = entry["hop"]
        self.device = torch.device(device)

    @classmethod
    @abstractmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        """Build the model and load its published files. See `codecfake.codecs.load`."""

    @abstractmethod
    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Encode utterances of equal length to the decoder's input: codes or quantized latents.

        Args:
            waveforms: float32 [B, T] at `sample_rate`, full scale 1.0.

        Returns:
            [B, frames, ...].
        """

    @abstractmethod
    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        """Map [B, frames, ...] of `encode` to float32 [B, T''] at `sample_rate`, T'' at least `output_length(T)`."""

    def resynthesise(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map [B, T] to [B, `output_length(T)`]."""
        return self.decode(self.encode(waveforms))[:, : self.output_length(waveforms.shape[1])]

    def output_length(self, num_samples: int) -> int:
        """Return the output length of `resynthesise` for an input of `num_samples`; by default that of whole frames."""
        return math.ceil(num_samples / self.hop) * self.hop

    def delays(self, num_samples: int) -> range:
        """Return the possible delays, in samples, of the output of `resynthesise` for an input of `num_samples`."""
        least, most = self.entry.get("delay", [0, 0])
        return range(least, most + 1)

    def published(self, waveform: torch.Tensor) -> torch.Tensor:
        """Map [1, T] to [1, T'], T' at least T, in the windows of the codec's own tool. Only if `windowed`."""
        raise NotImplementedError


class TrainableCodec(Codec):
    """A codec whose model is a torch module that `codecfake train-codec` can train."""

    def __init__(self, entry: dict, model: torch.nn.Module, device: str = "cpu"):
        super().__init__(entry, device)
        self.model = model.to(self.device).eval()

    @classmethod
    @abstractmethod
    def build(cls, entry: dict) -> torch.nn.Module:
        """Build a model with random weights from `entry["model"]`, the constructor's arguments."""

    @abstractmethod
    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map [B, T] to the reconstruction [B, T] and the quantizer's loss (scalar)."""

    @abstractmethod
    def save(self, files: dict[str, Path]) -> None:
        """Write the published file format, with weights in float16."""
