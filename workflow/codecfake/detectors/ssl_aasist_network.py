"""AASIST on features of a wav2vec 2.0 model, XLS-R 300M as published (Tak et al., Odyssey 2022, arXiv:2202.12233).

The front end and its parameter names are torchaudio's; the back end's parameters have the names and shapes of the
authors' code, TakHemlata/SSL_Anti-spoofing. There are two differences: each waveform is normalised, as in the training
of XLS-R and in torchaudio's pipeline, and a block has no parameters for a normalisation that is never used.
Shapes: B utterances, C maps, F bands (each of three features), T frames (each of three front-end frames).
"""

from pathlib import Path
from typing import Self

import torch
import torchaudio
from torch import nn

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors import aasist_network
from codecfake.detectors.base import OUTPUTS
from codecfake.detectors.graphs import GraphDetector

#: Kernel and stride of the convolutions that turn a waveform into frames.
CONVOLUTIONS = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]


def wav2vec2(channels: int, features: int, layers: int, heads: int, feed_forward: int) -> nn.Module:
    """Build a wav2vec 2.0 model with XLS-R's architecture (Babu et al., Interspeech 2022) and random weights.

    The model maps waveforms [B, N] to ([B, frames of 20 ms, features], None).

    Args:
        channels: channels of the convolutions.
        features: features per frame, a multiple of 16.
        layers, heads, feed_forward: layers, attention heads and feed-forward width of the transformer.
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


class Block(aasist_network.Block):
    """AASIST's first block without pooling, [B, C, F, T] to [B, C', F, T]."""

    def __init__(self, channels: int, maps: int):
        super().__init__(channels, maps, first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.residual(x)


class Model(GraphDetector):
    """AASIST on wav2vec 2.0 features.

    Args:
        front_end: arguments of `wav2vec2`.
        frozen: whether the front end keeps its loaded weights; otherwise it is trained with the back end.
        bands: number of bands to which the front end's features are reduced.
        maps: numbers of feature maps of the six blocks.
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
        """Load the front end's weights from torchaudio's file of a pretrained model.

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
