"""The codec contract."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import torch


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
