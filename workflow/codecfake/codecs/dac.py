"""Descript Audio Codec (Kumar et al., NeurIPS 2023) through the `descript-audio-codec` package."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import ClassVar, Self

import torch
from dac import DAC
from torch.nn.functional import pad

from codecfake.codecs.base import TrainableCodec, check_model
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, load_state, read_checkpoint, write_checkpoint
from codecfake.util.errors import CheckpointError

#: From the DAC paper, section 3.4: the codebooks are trained by gradient descent, not by moving averages.
COMMITMENT_WEIGHT = 0.25
#: Default window length of the package's `compress`.
WINDOW_SECONDS = 1.0
#: Number of windows decoded per batch.
WINDOWS_AT_ONCE = 8


class Adapter(TrainableCodec):
    """File `checkpoint`: `{"state_dict", "metadata": {"kwargs"}}`, as written by the package's `save`."""

    windowed = True
    file_names: ClassVar = {"checkpoint": "weights*.pth"}
    model: DAC

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        path = files["checkpoint"]
        content = read_checkpoint(path)
        try:
            kwargs, state = content["metadata"]["kwargs"], content["state_dict"]
            # like the package's loader, which ignores arguments that the constructor does not have
            known = {key: value for key, value in kwargs.items() if key in signature(DAC).parameters}
            model = DAC(**{"sample_rate": entry["sample_rate"], **known})
        except (KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path}: keys {', '.join(map(str, content))} ({error}); "
                "a DAC file has state_dict and metadata.kwargs, the constructor's arguments"
            ) from None
        check_model(path, entry, sample_rate=model.sample_rate, hop=model.hop_length, n_q=model.n_codebooks)
        load_state(model, state, path)
        make_fast(model)
        return cls(entry, model, device)

    @classmethod
    def build(cls, entry: dict) -> DAC:
        return DAC(**{**entry["model"], "sample_rate": entry["sample_rate"]})

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        codes = self.model.encode(self.model.preprocess(waveforms.unsqueeze(1), self.sample_rate))[1]
        return codes.transpose(1, 2)

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return self.model.decode(self.model.quantizer.from_codes(encoded.transpose(1, 2))[0]).squeeze(1)

    def output_length(self, num_samples: int) -> int:
        """Return the output length: each odd stride of the decoder drops one sample at the end, at its own rate."""
        length = math.ceil(num_samples / self.hop)
        for stride in self.model.decoder_rates:
            length = length * stride - stride % 2
        return min(num_samples, length)

    def published(self, waveform: torch.Tensor) -> torch.Tensor:
        """Resynthesise as the package's `compress` and `decompress` do.

        A file longer than a second is processed in overlapping windows of a second with unpadded convolutions; the
        output is longer than the input, and the caller cuts it.
        """
        if waveform.shape[1] <= WINDOW_SECONDS * self.sample_rate:
            return self.decode(self.encode(waveform))
        with unpadded(self.model):
            codes = torch.cat([self.encode(window) for window in self._windows(waveform[0]).split(1)])
            return torch.cat([self.decode(some) for some in codes.split(WINDOWS_AT_ONCE)]).reshape(1, -1)

    def _windows(self, waveform: torch.Tensor) -> torch.Tensor:
        """Cut [T] into windows [windows, samples]; the hop is the length of a window's output."""
        model = self.model
        length = math.ceil(WINDOW_SECONDS * self.sample_rate / model.hop_length) * model.hop_length
        hop = model.get_output_length(length)
        count = math.ceil(len(waveform) / hop)
        missing = (count - 1) * hop + length - len(waveform) - model.delay
        return pad(waveform, (model.delay, max(missing, 0))).unfold(0, length, hop)[:count]

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


@contextmanager
def unpadded(model: DAC) -> Iterator[None]:
    """Disable the padding of the model's convolutions, as windowed processing requires."""
    model.padding = False
    try:
        yield
    finally:
        model.padding = True
