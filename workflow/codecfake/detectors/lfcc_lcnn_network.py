"""LFCC-LCNN, the ASVspoof 2021 baseline.

Front end: LFCC as in the ASVspoof 2019 and 2021 baselines (Sahidullah et al., Interspeech 2015):
frames of 20 ms every 10 ms, 20 linear filters, 20 coefficients with their first and second
differences. Back end: light CNN with max-feature-map activations (Lavrentyeva et al., Interspeech
2019, table 1), two residual BLSTM layers and average pooling (Wang and Yamagishi, Interspeech 2021).
"""

import torch
import torchaudio
from torch import nn

from codecfake.detectors.base import BONAFIDE, OUTPUTS, SPOOF, Detector

N_FILTERS = 20
FRAME_SECONDS, HOP_SECONDS, N_FFT = 0.020, 0.010, 512
PREEMPHASIS = 0.97


class Lfcc(nn.Module):
    """Maps waveforms [B, T] to LFCC and differences [B, 60, frames], each utterance with zero mean.

    The filters lie between 0 Hz and `max_hz`.
    """

    def __init__(self, sample_rate: int, max_hz: float):
        super().__init__()
        self.lfcc = torchaudio.transforms.LFCC(
            sample_rate,
            f_max=max_hz,
            n_filter=N_FILTERS,
            n_lfcc=N_FILTERS,
            log_lf=True,
            speckwargs={
                "n_fft": N_FFT,
                "win_length": int(FRAME_SECONDS * sample_rate),
                "hop_length": int(HOP_SECONDS * sample_rate),
            },
        )

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        # half precision cannot represent the range of a power spectrum
        with torch.autocast("cuda", enabled=False):
            return self._features(waveforms)

    def _features(self, waveforms: torch.Tensor) -> torch.Tensor:
        static = self.lfcc(torchaudio.functional.preemphasis(waveforms, PREEMPHASIS))
        delta = torchaudio.functional.compute_deltas(static, win_length=3)
        features = torch.cat([static, delta, torchaudio.functional.compute_deltas(delta, win_length=3)], dim=1)
        # without subtraction of the mean, the level of a recording would be a feature
        return features - features.mean(dim=2, keepdim=True)


class _LargerHalf(torch.autograd.Function):
    """The larger half of the channels; its gradient is cheaper on a CPU than that of `torch.maximum`."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return torch.maximum(*x.chunk(2, dim=1))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        first, second = ctx.saved_tensors[0].chunk(2, dim=1)
        of_second = torch.ops.aten.threshold_backward(gradient, second - first, 0)
        return torch.cat([gradient - of_second, of_second], dim=1)


class MaxFeatureMap(nn.Module):
    """Halves the channels: keeps the larger of each pair (Wu et al., TIFS 2018)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [B, 2C, H, W] to [B, C, H, W]."""
        return _LargerHalf.apply(x)


class ResidualBlstm(nn.Module):
    """Two bidirectional LSTM layers and a shortcut; maps [B, frames, D] to the same shape."""

    def __init__(self, dimension: int):
        super().__init__()
        self.lstm = nn.LSTM(dimension, dimension // 2, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.lstm(x)[0]


def _convolution(channels: int, maps: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, 2 * maps, kernel, padding=kernel // 2), MaxFeatureMap()]


class Model(Detector):
    """LFCC-LCNN on waveforms.

    Args:
        width: factor of all numbers of feature maps; 1.0 is the published size.
        dropout: dropout rate before the recurrent layers.
        max_hz: upper limit of the LFCC's frequency range in Hz; at most half the sample rate.
        outputs: number of logits.
    """

    def __init__(
        self,
        sample_rate: int,
        crop_samples: int,
        width: float,
        dropout: float,
        max_hz: float,
        outputs: int = OUTPUTS,
    ):
        super().__init__(sample_rate, crop_samples)
        # even numbers, so that each direction of the recurrent layers has half of the features
        small, middle, large = (2 * max(1, round(maps * width / 2)) for maps in (32, 48, 64))
        self.features = Lfcc(sample_rate, max_hz)
        self.cnn = nn.Sequential(
            *_convolution(1, small, 5),
            nn.MaxPool2d(2),
            *_convolution(small, small, 1),
            nn.BatchNorm2d(small, affine=False),
            *_convolution(small, middle, 3),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(middle, affine=False),
            *_convolution(middle, middle, 1),
            nn.BatchNorm2d(middle, affine=False),
            *_convolution(middle, large, 3),
            nn.MaxPool2d(2),
            *_convolution(large, large, 1),
            nn.BatchNorm2d(large, affine=False),
            *_convolution(large, small, 3),
            nn.BatchNorm2d(small, affine=False),
            *_convolution(small, small, 1),
            nn.BatchNorm2d(small, affine=False),
            *_convolution(small, small, 3),
            nn.MaxPool2d(2),
            nn.Dropout(dropout),
        ).to(memory_format=torch.channels_last)
        dimension = small * (3 * N_FILTERS // 16)
        self.recurrent = ResidualBlstm(dimension)
        self.output = nn.Linear(dimension, outputs)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        maps = self.cnn(self.features(waveforms).transpose(1, 2).unsqueeze(1))
        frames = maps.transpose(1, 2).flatten(2)
        return self.output(self.recurrent(frames).mean(dim=1))

    def cm_score(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the log-odds of bona fide: the difference of the logits, which cross-entropy trains."""
        return logits[:, BONAFIDE] - logits[:, SPOOF]
