"""AudioDec (Wu et al., ICASSP 2023): a reimplementation that runs the published checkpoints."""

import math
from pathlib import Path
from typing import ClassVar, Self

import torch
import yaml
from torch import nn

from codecfake.codecs.audiodec_network import Autoencoder, Vocoder, forget, remember
from codecfake.codecs.base import TrainableCodec, check_model
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, reading_config, write_checkpoint
from codecfake.util.errors import CheckpointError
from codecfake.util.files import write_text

#: Length of the silence that the authors' code passes through its decoder after loading.
WARM_UP_SAMPLES = 8192
PARTS = ("autoencoder", "vocoder")
#: Options that hold the strides, by part.
STRIDES = {"autoencoder": "enc_strides", "vocoder": "upsample_scales"}
#: Option values that the networks support, by part.
ALLOWED = {
    "autoencoder": {"input_channels": 1, "mode": "causal", "codec": "audiodec", "projector": "conv1d"},
    "vocoder": {"out_channels": 1, "nonlinear_activation": "LeakyReLU", "use_additional_convs": True},
}


class AudioDec(nn.Module):
    """Autoencoder (only its encoder and quantizer are used) and vocoder.

    Args:
        config: the `generator_params` of each part's config.yml.
    """

    def __init__(self, config: dict[str, dict]):
        super().__init__()
        self.autoencoder, self.vocoder = Autoencoder(config["autoencoder"]), Vocoder(config["vocoder"])

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Map [B, 1, T] to codes [B, n_q, frames]."""
        return self.autoencoder.quantizer.codebook.encode(self.autoencoder.latents(waveforms))

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Map codes [B, n_q, frames] to [B, 1, frames * hop]."""
        return self.vocoder(self.autoencoder.quantizer.codebook.lookup(codes))

    def warm_up(self) -> None:
        """Set the initial state of every utterance: zero buffers in the encoder, in the vocoder those after silence."""
        forget(self.autoencoder)
        with torch.no_grad():
            codes = self.encode(torch.zeros(1, 1, WARM_UP_SAMPLES))
        remember(self.vocoder, self.autoencoder.quantizer.codebook.lookup(codes))


class Adapter(TrainableCodec):
    """Files `autoencoder`, `vocoder` (`{"model": {"generator": state_dict}}`) and the config.yml of each.

    Every utterance starts from the same state. (The authors of CodecFake carried the decoder's state over from one file
    to the next.)
    """

    causal = True
    file_names: ClassVar = {
        "autoencoder_config": "autoencoder/**/config.yml",
        "autoencoder": "autoencoder/**/checkpoint-*steps.pkl",
        "vocoder_config": "vocoder/**/config.yml",
        "vocoder": "vocoder/**/checkpoint-*steps.pkl",
    }
    model: AudioDec

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        configs = {part: _read_config(files[f"{part}_config"], part, entry) for part in PARTS}
        try:
            model = AudioDec(configs)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            names = " or ".join(str(files[f"{part}_config"]) for part in PARTS)
            raise CheckpointError(f"{names}: generator_params: {type(error).__name__} {error}") from None
        for part in PARTS:
            content = read_checkpoint(files[part])
            try:
                state = content["model"]["generator"]
            except (KeyError, TypeError):
                raise CheckpointError(
                    f"{files[part]}: keys {', '.join(map(str, content))}; an AudioDec file has model.generator"
                ) from None
            load_state(getattr(model, part), state, files[part])
        make_fast(model)
        model.warm_up()
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> AudioDec:
        return AudioDec(entry["model"])

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model.encode(waveforms.unsqueeze(1)).transpose(1, 2)

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return self.model.decode(encoded.transpose(1, 2)).squeeze(1)

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents = self.model.autoencoder.latents(waveforms.unsqueeze(1))
        quantized, loss = self.model.autoencoder.quantizer.codebook(latents)
        return self.model.vocoder(quantized).squeeze(1)[:, : waveforms.shape[1]], loss

    def save(self, files: dict[str, Path]) -> None:
        for part in PARTS:
            state = half_state_dict(getattr(self.model, part))
            write_checkpoint(files[part], {"model": {"generator": state}})
            config = {"sampling_rate": self.sample_rate, "generator_params": self.entry["model"][part]}
            write_text(files[f"{part}_config"], yaml.safe_dump(config, sort_keys=False))


def _read_config(path: Path, part: str, entry: dict) -> dict:
    """Return a part's `generator_params`; refuse a part of another sample rate or hop, or with unknown options."""
    with reading_config(path, "AudioDec"):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        params = config["generator_params"]
        strides = params[STRIDES[part]]
        check_model(path, entry, sample_rate=config.get("sampling_rate"), hop=math.prod(strides))
        if part == "autoencoder":
            check_model(path, entry, n_q=params["codebook_num"])
    for key, allowed in ALLOWED[part].items():
        if params.get(key, allowed) != allowed:
            raise CheckpointError(f"{path}: generator_params.{key}: {params[key]!r}; allowed: {allowed!r}")
    return params
