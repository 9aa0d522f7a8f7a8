"""FunCodec (Du et al., ICASSP 2024) in the time and the frequency domain, from the modules of the `funcodec` package.

Encoder, quantizer and decoder are the package's classes. This module connects them, since the package's own model and
task classes need a dozen packages and a release of typeguard that is incompatible with others, and its loader accepts
missing and unknown keys.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

import torch
import yaml
from funcodec.models.decoder.seanet_decoder import SEANetDecoder, SEANetDecoder2d
from funcodec.models.encoder.seanet_encoder import SEANetEncoder, SEANetEncoder2d
from funcodec.models.quantizer.costume_quantizer import CostumeQuantizer
from torch import nn
from torch.nn.functional import softplus
from torchaudio.transforms import InverseSpectrogram, Spectrogram

from codecfake.codecs.base import TrainableCodec, check_model
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, reading_config, write_checkpoint
from codecfake.util.errors import AudioError
from codecfake.util.files import write_text

ENCODERS = {"encodec_seanet_encoder": SEANetEncoder, "encodec_seanet_encoder_2d": SEANetEncoder2d}
DECODERS = {"encodec_seanet_decoder": SEANetDecoder, "encodec_seanet_decoder_2d": SEANetDecoder2d}
QUANTIZERS = {"costume_quantizer": CostumeQuantizer}
#: Key prefixes of a published state_dict that only training uses.
TRAINING_ONLY = ("discriminator.", "mel_spec_transforms.")
#: Lower limits that keep the level's reciprocal and the logarithm finite, as in the package.
LEAST_LEVEL, LEAST_MAGNITUDE = 1e-8, 1e-6


class FunCodec(nn.Module):
    """Encoder, quantizer and decoder on waveforms normalised to an RMS of 1.

    Args:
        config: the keys of config.yaml that inference reads.

    Raises:
        KeyError: a key is missing.
        ValueError: this class does not support a part or an option.
    """

    def __init__(self, config: dict):
        super().__init__()
        self.config, options = config, config["model_conf"]
        _check(config)
        self.encoder = ENCODERS[config["encoder"]](input_size=config["input_size"], **config["encoder_conf"])
        self.quantizer = CostumeQuantizer(input_size=self.encoder.output_size(), **config["quantizer_conf"])
        self.decoder = DECODERS[config["decoder"]](input_size=self.quantizer.output_size(), **config["decoder_conf"])
        self.normalize = options.get("audio_normalize", config["model"] == "encodec")
        self.stft_hop = None
        if config["model"] == "freq_codec":
            frames = {"n_fft": 512, "hop_length": 160, **options.get("domain_conf", {})}
            self.stft_hop = frames["hop_length"]
            self.enc_trans_func = Spectrogram(**frames, power=None)
            self.dec_trans_func = InverseSpectrogram(**frames)

    @property
    def hop(self) -> int:
        """The number of samples per frame of latents."""
        if self.stft_hop:
            return self.stft_hop * math.prod(stride for _, stride in self.encoder.ratios)
        return math.prod(self.encoder.ratios)

    def encode(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map [B, 1, T] to latents [B, frames, D] and each waveform's level [B, 1, 1]."""
        level = torch.ones_like(waveforms[:, :, :1])
        if self.normalize:
            level = waveforms.pow(2).mean(dim=2, keepdim=True).sqrt() + LEAST_LEVEL
        features = waveforms / level
        if self.stft_hop:
            spectrum = self.enc_trans_func(features.squeeze(1))
            magnitude = spectrum.abs().clamp(min=LEAST_MAGNITUDE)
            phase = spectrum / magnitude
            features = torch.stack([magnitude.log(), phase.real, phase.imag], dim=1)
        return self.encoder(features), level

    def decode(self, latents: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Map latents [B, frames, D] and levels to waveforms [B, 1, T']."""
        decoded = self.decoder(latents)
        if self.stft_hop:
            magnitude, real, imaginary = decoded.unbind(dim=1)
            decoded = self.dec_trans_func(softplus(magnitude) * torch.complex(real, imaginary)).unsqueeze(1)
        return decoded * level

    def spectrum_frames(self, num_samples: int) -> tuple[int, int]:
        """Return the number of output spectrum frames, and their delay in frames.

        If a stride over time does not divide the number of frames, the package's SConv2d pads before the first frame,
        which delays all later frames.
        """
        frames, lag, spacing = num_samples // self.stft_hop + 1, 0, 1
        for _, stride in self.encoder.ratios:
            lag += -frames % stride * spacing
            frames = -(-frames // stride)
            spacing *= stride
        return frames * spacing, lag


def _check(config: dict) -> None:
    freq = config["model"] == "freq_codec"
    allowed = {
        "model": ("encodec", "freq_codec"),
        "encoder": tuple(ENCODERS)[freq : freq + 1],
        "decoder": tuple(DECODERS)[freq : freq + 1],
        "quantizer": tuple(QUANTIZERS),
    }
    found = {key: config[key] for key in allowed}
    if freq:
        allowed["model_conf.codec_domain"] = (("mag_phase", "mag_phase"),)
        found["model_conf.codec_domain"] = tuple(config["model_conf"]["codec_domain"])
    allowed["model_conf.segment_dur"] = (None,)
    found["model_conf.segment_dur"] = config["model_conf"].get("segment_dur", 1.0)
    for key, value in found.items():
        if value not in allowed[key]:
            raise ValueError(f"{key}: {value!r}; allowed: {', '.join(map(repr, allowed[key]))}")


@contextmanager
def no_exit() -> Iterator[None]:
    """Raise an `AudioError` where the package's convolutions exit the process, which they do on NaN."""
    try:
        yield
    except SystemExit:
        raise AudioError("the codec computed NaN") from None


class Adapter(TrainableCodec):
    """Files `config` (config.yaml) and `checkpoint` (model.pth, a bare state_dict)."""

    file_names: ClassVar = {"config": "config.yaml", "checkpoint": "model.pth"}
    model: FunCodec

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        with reading_config(files["config"], "FunCodec"):
            config = yaml.safe_load(files["config"].read_text(encoding="utf-8"))
            model = FunCodec(config)
            quantizer, rate = config["quantizer_conf"], config["model_conf"].get("target_sample_hz")
            check_model(files["config"], entry, sample_rate=rate, hop=model.hop, n_q=quantizer["num_quantizers"])
            check_model(files["config"], entry, sample_rate=quantizer.get("sampling_rate"))
        load_state(model, read_checkpoint(files["checkpoint"]), files["checkpoint"], TRAINING_ONLY)
        make_fast(model)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> FunCodec:
        return FunCodec(entry["model"])

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Return latents quantized by all codebooks, with the level as an extra last feature: [B, frames, D + 1]."""
        with no_exit():
            latents, level = self.model.encode(waveforms.unsqueeze(1))
            quantized = self.model.quantizer.inference(latents)[0]
            return torch.cat([quantized, level.expand(-1, quantized.shape[1], -1)], dim=2)

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        with no_exit():
            return self.model.decode(encoded[:, :, :-1], encoded[:, :1, -1:]).squeeze(1)

    def output_length(self, num_samples: int) -> int:
        if self.model.stft_hop is None:
            return num_samples
        frames, _ = self.model.spectrum_frames(num_samples)
        return min(num_samples, (frames - 1) * self.model.stft_hop)

    def delays(self, num_samples: int) -> range:
        lag = self.model.spectrum_frames(num_samples)[1] * self.model.stft_hop if self.model.stft_hop else 0
        return range(lag, lag + 1)

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents, level = self.model.encode(waveforms.unsqueeze(1))
        quantized, _, loss, _ = self.model.quantizer(latents)
        decoded = self.model.decode(quantized, level).squeeze(1)[:, : waveforms.shape[1]]
        return decoded, loss

    def save(self, files: dict[str, Path]) -> None:
        write_checkpoint(files["checkpoint"], half_state_dict(self.model))
        write_text(files["config"], yaml.safe_dump(self.entry["model"], sort_keys=False))
