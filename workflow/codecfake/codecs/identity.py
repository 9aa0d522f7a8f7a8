"""The identity codec, which leaves speech unchanged: bona fide speech passes through the same pipeline as spoof."""

from pathlib import Path
from typing import Self

import torch

from codecfake.codecs.base import Codec


class Adapter(Codec):
    """An adapter without files."""

    causal = True

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        return cls(entry, device)

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        return waveforms

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return encoded

    def output_length(self, num_samples: int) -> int:
        return num_samples
