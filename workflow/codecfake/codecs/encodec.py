"""EnCodec (Défossez et al., TMLR 2023) through the `encodec` package."""

from pathlib import Path
from typing import ClassVar, Self

import torch
from encodec import EncodecModel
from encodec.modules import SEANetDecoder, SEANetEncoder
from encodec.quantization import ResidualVectorQuantizer

from codecfake.codecs.base import TrainableCodec
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, write_checkpoint


class Adapter(TrainableCodec):
    """File `checkpoint`: a bare state_dict (`encodec_24khz-d7cc33bc.th`)."""

    causal = True
    file_names: ClassVar = {"checkpoint": "encodec_*.th"}
    model: EncodecModel

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        model = cls.build(entry)
        load_state(model, read_checkpoint(files["checkpoint"]), files["checkpoint"])
        make_fast(model)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> EncodecModel:
        """Build the package's model; keys missing in `entry["model"]` have the values of encodec_24khz.

        `model.n_q` is the number of codebooks in the file, if the entry uses fewer (`n_q`).
        """
        width = dict(entry.get("model", {}))
        bins, n_q = width.pop("bins", 1024), width.pop("n_q", entry["n_q"])
        encoder = SEANetEncoder(norm="weight_norm", causal=True, **width)
        decoder = SEANetDecoder(norm="weight_norm", causal=True, **width)
        quantizer = ResidualVectorQuantizer(encoder.dimension, n_q=n_q, bins=bins)
        model = EncodecModel(encoder, decoder, quantizer, [entry["bandwidth_kbps"]], entry["sample_rate"], channels=1)
        model.set_target_bandwidth(entry["bandwidth_kbps"])
        return model

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        ((codes, _),) = self.model.encode(waveforms.unsqueeze(1))
        return codes.transpose(1, 2)

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return self.model.decode([(encoded.transpose(1, 2), None)]).squeeze(1)

    def output_length(self, num_samples: int) -> int:
        return num_samples

    def training_forward(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding = self.model.encoder(waveforms.unsqueeze(1))
        quantized = self.model.quantizer(embedding, self.model.frame_rate, self.model.bandwidth)
        decoded = self.model.decoder(quantized.quantized).squeeze(1)
        return decoded[:, : waveforms.shape[1]], quantized.penalty

    def save(self, files: dict[str, Path]) -> None:
        write_checkpoint(files["checkpoint"], half_state_dict(self.model))
