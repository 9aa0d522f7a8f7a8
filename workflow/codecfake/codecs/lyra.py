"""Lyra v2 (SoundStream encoder, residual quantizer, LyraGAN decoder) through its three TFLite files.

16 kHz, frames of 320 samples, 64 features per frame, 46 quantizers of 4 bits. Encoder and decoder keep
state between frames; each utterance gets new interpreters, so that no state carries over between files.
"""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from codecfake.codecs.base import Codec
from codecfake.util.errors import CheckpointError


class Adapter(Codec):
    """Files `encoder`, `quantizer`, `decoder`; always on the CPU, one utterance at a time."""

    file_names: ClassVar = {
        "encoder": "soundstream_encoder.tflite",
        "quantizer": "quantizer.tflite",
        "decoder": "lyragan.tflite",
    }

    def __init__(self, entry: dict, contents: dict[str, bytes]):
        super().__init__(entry)
        self.n_q: int = entry["n_q"]
        self.contents = contents
        quantizer = _interpreter(contents["quantizer"])
        self.quantize = quantizer.get_signature_runner("encode")
        self.dequantize = quantizer.get_signature_runner("decode")

    @classmethod
    def load(cls, entry: dict, files: dict[str, Path], device: str) -> Self:
        contents = {}
        for role in cls.file_names:
            try:
                contents[role] = files[role].read_bytes()
                _interpreter(contents[role])
            except (OSError, ValueError, RuntimeError) as error:
                raise CheckpointError(f"{files[role]}: not a readable TFLite model ({error})") from None
        return cls(entry, contents)

    def encode(self, waveforms: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.stack([self._indices(samples) for samples in waveforms.numpy()]))

    def decode(self, encoded: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.stack([self._samples(indices) for indices in encoded.numpy()]))

    def _indices(self, samples: np.ndarray) -> np.ndarray:
        """Map [T] to the quantizers' indices [ceil(T / 320), ...]."""
        encoder = _interpreter(self.contents["encoder"])
        frames = np.pad(samples, (0, -len(samples) % self.hop)).astype(np.float32).reshape(-1, 1, self.hop)
        n_q = np.array(self.n_q, dtype=np.int32)
        features = (_run(encoder, frame).reshape(1, 1, -1) for frame in frames)
        return np.stack([self.quantize(input_frames=frame, num_quantizers=n_q)["output_0"] for frame in features])

    def _samples(self, indices: np.ndarray) -> np.ndarray:
        """Map the indices of all frames to [frames * 320]."""
        decoder = _interpreter(self.contents["decoder"])
        quantized = (self.dequantize(encoding_indices=frame)["output_0"] for frame in indices)
        return np.concatenate([_run(decoder, frame.reshape(1, 1, -1)).reshape(-1) for frame in quantized])


def _interpreter(content: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Interpreter, tensor: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
