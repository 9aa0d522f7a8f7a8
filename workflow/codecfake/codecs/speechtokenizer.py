"""SpeechTokenizer (Zhang et al., ICLR 2024) through the `speechtokenizer` package."""

import math
from pathlib import Path
from typing import ClassVar, Self

import torch
from speechtokenizer import SpeechTokenizer

from codecfake.codecs.base import TrainableCodec, check_model
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, reading_config, write_checkpoint
from codecfake.util.files import read_json, write_json


class Adapter(TrainableCodec):
    """Files `config` (config.json) and `checkpoint` (a bare state_dict, `SpeechTokenizer.pt`)."""

    file_names: ClassVar = {"config": "config.json", "checkpoint": "SpeechTokenizer.pt"}
    model: SpeechTokenizer

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        with reading_config(files["config"], "SpeechTokenizer"):
            config = read_json(files["config"])
            model = SpeechTokenizer(config)
            hop, n_q = math.prod(config["strides"]), config["n_q"]
            check_model(files["config"], entry, sample_rate=config.get("sample_rate"), hop=hop, n_q=n_q)
        load_state(model, read_checkpoint(files["checkpoint"]), files["checkpoint"])
        make_fast(model)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> SpeechTokenizer:
        return SpeechTokenizer(_config(entry))

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model.encode(waveforms.unsqueeze(1)).permute(1, 2, 0)

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return self.model.decode(encoded.permute(2, 0, 1)).squeeze(1)

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decoded, commitment_loss, _ = self.model(waveforms.unsqueeze(1))
        return decoded.squeeze(1)[:, : waveforms.shape[1]], commitment_loss

    def save(self, files: dict[str, Path]) -> None:
        write_checkpoint(files["checkpoint"], half_state_dict(self.model))
        write_json(files["config"], _config(self.entry))


def _config(entry: dict) -> dict:
    """Return the keys of the published config.json that the model reads."""
    return {**entry["model"], "sample_rate": entry["sample_rate"], "n_q": entry["n_q"]}
