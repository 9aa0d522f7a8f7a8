"""Lyra v2 (SoundStream encoder, residual quantizer, LyraGAN decoder) through its three TFLite files.

16 kHz, frames of 320 samples, 64 features a frame, 46 quantizers of 4 bits. Encoder and decoder keep
state between frames; each utterance starts with fresh interpreters, so nothing leaks between files.
"""

import math
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from codecfake.codecs.base import Codec
from codecfake.errors import CheckpointError


class Adapter(Codec):
    """Files `encoder`, `quantizer`, `decoder`; always on the CPU, one utterance after the other."""

    batching = "padded"
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

    def resynthesise(self, waveforms: torch.Tensor) -> torch.Tensor:
        """[B, T] to [B, ceil(T / 320) * 320]."""
        decoded = [self._one(waveform) for waveform in waveforms.cpu().numpy()]
        return torch.from_numpy(np.stack(decoded)).to(waveforms.device)

    def output_length(self, num_samples: int) -> int:
        return math.ceil(num_samples / self.hop) * self.hop

    def _one(self, samples: np.ndarray) -> np.ndarray:
        encoder, decoder = _interpreter(self.contents["encoder"]), _interpreter(self.contents["decoder"])
        padded = np.pad(samples, (0, -len(samples) % self.hop))
        frames = padded.astype(np.float32).reshape(-1, 1, self.hop)
        return np.concatenate([self._frame(encoder, decoder, frame) for frame in frames])

    def _frame(self, encoder: Interpreter, decoder: Interpreter, frame: np.ndarray) -> np.ndarray:
        features = _run(encoder, frame)
        indices = self.quantize(
            input_frames=features.reshape(1, 1, -1), num_quantizers=np.array(self.n_q, dtype=np.int32)
        )["output_0"]
        quantized = self.dequantize(encoding_indices=indices)["output_0"]
        return _run(decoder, quantized.reshape(1, 1, -1)).reshape(-1)


def _interpreter(content: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Interpreter, tensor: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
