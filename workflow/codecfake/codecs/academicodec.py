"""AcademiCodec's HiFi-Codec (Yang et al. 2023): a reimplementation that runs the published checkpoints."""

import math
from pathlib import Path
from typing import ClassVar, Self

import torch

from codecfake.codecs.academicodec_network import HiFiCodec
from codecfake.codecs.base import TrainableCodec, check_model
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, reading_config, write_checkpoint
from codecfake.util.errors import CheckpointError
from codecfake.util.files import read_json, write_json

PARTS = ("encoder", "quantizer", "generator")


class Adapter(TrainableCodec):
    """Files `config` (JSON) and `checkpoint` (`HiFi-Codec-16k-320d`: the state_dicts of `PARTS`)."""

    file_names: ClassVar = {"config": "config*.json", "checkpoint": "HiFi-Codec*"}
    model: HiFiCodec

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        with reading_config(files["config"], "HiFi-Codec"):
            config = read_json(files["config"])
            model = HiFiCodec(config)
            hop, n_q = math.prod(config["upsample_rates"]), 2 * config["n_code_groups"]
            check_model(files["config"], entry, sample_rate=config.get("sampling_rate"), hop=hop, n_q=n_q)
        path = files["checkpoint"]
        content = read_checkpoint(path)
        for part in PARTS:
            if not isinstance(content.get(part), dict):
                raise CheckpointError(f"{path}: keys {', '.join(map(str, content))}; {', '.join(PARTS)} needed")
            load_state(getattr(model, part), content[part], path)
        make_fast(model)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> HiFiCodec:
        return HiFiCodec(entry["model"])

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.model.encode(waveforms.unsqueeze(1))

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return self.model.decode(encoded).squeeze(1)

    def output_length(self, num_samples: int) -> int:
        return self.model.frames(num_samples) * self.hop

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        quantized, loss, _ = self.model.quantizer(self.model.encoder(waveforms.unsqueeze(1)))
        return self.model.generator(quantized).squeeze(1), loss

    def save(self, files: dict[str, Path]) -> None:
        write_checkpoint(files["checkpoint"], {part: half_state_dict(getattr(self.model, part)) for part in PARTS})
        write_json(files["config"], {**self.entry["model"], "sampling_rate": self.sample_rate})
