"""The detector contract."""

from abc import abstractmethod

import torch

SPOOF, BONAFIDE = 0, 1
#: Logits of a countermeasure.
OUTPUTS = 2


class Detector(torch.nn.Module):
    """A countermeasure, or a tracer of codecs: takes waveforms of a fixed rate and length, gives logits.

    Args:
        sample_rate: Hz, of the waveforms it takes.
        crop_samples: their length; longer ones are cut, shorter ones repeated.
    """

    def __init__(self, sample_rate: int, crop_samples: int):
        super().__init__()
        self.sample_rate, self.crop_samples = sample_rate, crop_samples

    @abstractmethod
    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """float32 [B, crop_samples] to logits [B, outputs]; of two, index 0 is spoof, index 1 bona fide."""

    def cm_score(self, logits: torch.Tensor) -> torch.Tensor:
        """CM scores [B] of logits [B, 2]: the bona fide logit, as AASIST; higher = more bona fide."""
        return logits[:, BONAFIDE]
