"""Descript Audio Codec (Kumar et al., NeurIPS 2023) through the `descript-audio-codec` package."""

from pathlib import Path
from typing import Self

import torch
from dac import DAC

from codecfake.codecs.base import TrainableCodec, half_state_dict, load_state, read_checkpoint
from codecfake.errors import CheckpointError
from codecfake.files import write_checkpoint

#: As in the DAC paper, section 3.4: the codebooks are learnt by gradient, not by moving average.
COMMITMENT_WEIGHT = 0.25


class Adapter(TrainableCodec):
    """File `checkpoint`: `{"state_dict", "metadata": {"kwargs"}}`, as the package's `save` writes."""

    model: DAC

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        path = files["checkpoint"]
        content = read_checkpoint(path)
        try:
            kwargs, state = content["metadata"]["kwargs"], content["state_dict"]
        except (KeyError, TypeError):
            raise CheckpointError(
                f"{path}: keys {', '.join(map(str, content))}; a DAC file has state_dict and metadata.kwargs"
            ) from None
        model = cls.build({**entry, "model": kwargs})
        load_state(model, state, path)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> DAC:
        model = entry["model"]
        return DAC(**{**model, "sample_rate": entry["sample_rate"]})

    def resynthesise(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model(waveforms.unsqueeze(1))["audio"].squeeze(1)

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.model(waveforms.unsqueeze(1))
        loss = COMMITMENT_WEIGHT * out["vq/commitment_loss"] + out["vq/codebook_loss"]
        return out["audio"].squeeze(1), loss

    def save(self, files: dict[str, Path]) -> None:
        model = self.model
        kwargs = {
            "encoder_dim": model.encoder_dim,
            "encoder_rates": list(model.encoder_rates),
            "latent_dim": model.latent_dim,
            "decoder_dim": model.decoder_dim,
            "decoder_rates": list(model.decoder_rates),
            "n_codebooks": model.n_codebooks,
            "codebook_size": model.codebook_size,
            "codebook_dim": model.codebook_dim,
            "sample_rate": model.sample_rate,
        }
        content = {"state_dict": half_state_dict(model), "metadata": {"kwargs": kwargs}}
        write_checkpoint(files["checkpoint"], content)
