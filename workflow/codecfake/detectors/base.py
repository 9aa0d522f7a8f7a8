"""The detector contract."""

from abc import abstractmethod

import torch

SPOOF, BONAFIDE = 0, 1
#: Number of logits of a countermeasure.
OUTPUTS = 2


class Detector(torch.nn.Module):
    """A countermeasure or a codec tracer: maps waveforms of a fixed sample rate and length to logits.

    Args:
        sample_rate: sample rate of the waveforms in Hz.
        crop_samples: length of the waveforms in samples; longer ones are cut, shorter ones repeated.
    """

    def __init__(self, sample_rate: int, crop_samples: int):
        super().__init__()
        self.sample_rate, self.crop_samples = sample_rate, crop_samples

    @abstractmethod
    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map float32 [B, crop_samples] to logits [B, outputs]; of two logits, 0 is spoof and 1 is bona fide."""

    def cm_score(self, logits: torch.Tensor) -> torch.Tensor:
        """Return CM scores [B] of logits [B, 2]: the bona fide logit, as in AASIST; higher = more bona fide."""
        return logits[:, BONAFIDE]
