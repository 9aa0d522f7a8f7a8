"""How good speech sounds, without a reference, as a network trained on listeners' ratings hears it."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from speechmos import dnsmos

SAMPLE_RATE = dnsmos.SR
#: Samples of the shortest signal: one window of the network, 20 ms.
SHORTEST = 320


class Dnsmos(NamedTuple):
    """Mean opinion scores of ITU-T P.835, 1 to 5: overall, of the speech alone, of the background alone."""

    ovrl: float
    sig: float
    bak: float


def rate(samples: np.ndarray) -> Dnsmos:
    """DNSMOS P.835 (Reddy et al., ICASSP 2022) of a signal [N] at 16 kHz.

    The mean over windows of 9.01 s, every second; a shorter signal is repeated. NaN where it is silent, which the
    network would rate all the same, or shorter than 20 ms.
    """
    if len(samples) < SHORTEST or not samples.any():
        return Dnsmos(float("nan"), float("nan"), float("nan"))
    # what resampling takes beyond full scale is refused
    rated = model()(np.clip(samples, -1, 1), SAMPLE_RATE, is_personalized_MOS=False)
    return Dnsmos(*(float(rated[f"{scale}_mos"]) for scale in Dnsmos._fields))


class _OneThread(dnsmos.DNSMOS):
    """The package's own model, whose sessions take every core they find."""

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.onnx_sess, self.p808_onnx_sess = (
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in ("sig_bak_ovr.onnx", "model_v8.onnx")
        )


@lru_cache(maxsize=1)
def model() -> _OneThread:
    """The network, loaded at the first call."""
    return _OneThread(Path(dnsmos.__file__).parent / "dnsmos_models")
