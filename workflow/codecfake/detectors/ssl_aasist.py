"""AASIST on features of a wav2vec 2.0, XLS-R 300M as published (Tak et al., Odyssey 2022, arXiv:2202.12233).

The front end is torchaudio's and so are its parameters' names; the back end's names and shapes are those of the
authors' code, TakHemlata/SSL_Anti-spoofing. Two things differ from that: each waveform is normalised, as XLS-R was
trained and as torchaudio's pipeline does, and a block has no parameters for a normalisation that is never used.
Shapes: B utterances, C maps, F bands (a third of the features they are made of), T frames (of three front-end frames).
"""

from pathlib import Path
from typing import Self

import torch
import torchaudio
from torch import nn

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors import aasist
from codecfake.detectors.base import OUTPUTS
from codecfake.detectors.graphs import GraphDetector

#: Kernel and stride of the convolutions that make frames of a waveform.
CONVOLUTIONS = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]


def wav2vec2(channels: int, features: int, layers: int, heads: int, feed_forward: int) -> nn.Module:
    """A wav2vec 2.0 of XLS-R's form (Babu et al., Interspeech 2022), with random weights.

    It makes ([B, frames of 20 ms, features], None) of waveforms [B, N].

    Args:
        channels: of the convolutions.
        features: of a frame, a multiple of 16.
        layers, heads, feed_forward: of the transformer.
    """
    return torchaudio.models.wav2vec2_model(
        extractor_mode="layer_norm",
        extractor_conv_layer_config=[(channels, kernel, stride) for kernel, stride in CONVOLUTIONS],
        extractor_conv_bias=True,
        encoder_embed_dim=features,
        encoder_projection_dropout=0.0,
        encoder_pos_conv_kernel=128,
        encoder_pos_conv_groups=16,
        encoder_num_layers=layers,
        encoder_num_heads=heads,
        encoder_attention_dropout=0.0,
        encoder_ff_interm_features=feed_forward,
        encoder_ff_interm_dropout=0.0,
        encoder_dropout=0.0,
        encoder_layer_norm_first=True,
        encoder_layer_drop=0.0,
        aux_num_out=None,
    )


class Block(aasist.Block):
    """AASIST's first one without pooling, [B, C, F, T] to [B, C', F, T]."""

    def __init__(self, channels: int, maps: int):
        super().__init__(channels, maps, first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.residual(x)


class Model(GraphDetector):
    """
    Args:
        front_end: arguments of `wav2vec2`.
        frozen: whether the front end stays as loaded; else it is trained with the rest.
        bands: to which the front end's features are reduced.
        maps: feature maps of the six blocks.
        nodes, pool, temperatures, outputs: see `GraphDetector`.
    """

    def __init__(
        self,
        sample_rate: int,
        crop_samples: int,
        front_end: dict[str, int],
        frozen: bool,
        bands: int,
        maps: list[int],
        nodes: list[int],
        pool: list[float],
        temperatures: list[float],
        outputs: int = OUTPUTS,
    ):
        super().__init__(sample_rate, crop_samples, maps[-1], bands // 3, nodes, pool, temperatures, outputs)
        self.frozen = frozen
        self.front_end = wav2vec2(**front_end).requires_grad_(not frozen)
        self.LL = nn.Linear(front_end["features"], bands)
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = nn.Sequential(*(nn.Sequential(Block(*sizes)) for sizes in zip([1, *maps], maps, strict=False)))
        self.first_bn1 = nn.BatchNorm2d(maps[-1])
        self.attention = nn.Sequential(
            nn.Conv2d(maps[-1], 2 * maps[-1], 1),
            nn.SELU(),
            nn.BatchNorm2d(2 * maps[-1]),
            nn.Conv2d(2 * maps[-1], maps[-1], 1),
        )

    def load_front_end(self, path: Path) -> None:
        """Fill the front end from torchaudio's file of a pretrained one.

        Raises:
            CheckpointError: the file is missing, corrupt, or of another model.
        """
        load_state(self.front_end, read_checkpoint(path), path)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen:
            self.front_end.eval()
        return self

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        frames = self.front_end(nn.functional.layer_norm(waveforms, waveforms.shape[1:]))[0]
        bands = nn.functional.max_pool2d(self.LL(frames).transpose(1, 2)[:, None], 3)
        maps = self.encoder(nn.functional.selu(self.first_bn(bands)))
        maps = nn.functional.selu(self.first_bn1(maps))
        weights = self.attention(maps)
        spectral, temporal = ((maps * weights.softmax(dim=axis)).sum(dim=axis).transpose(1, 2) for axis in (3, 2))
        return self.graph_logits(spectral, temporal)
