"""DNSMOS: speech quality without a reference, predicted by a network trained on listeners' ratings."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from speechmos import dnsmos

SAMPLE_RATE = dnsmos.SR
#: Minimum length of a signal in samples: one analysis window of the network, 20 ms.
SHORTEST = 320


class Dnsmos(NamedTuple):
    """Mean opinion scores of ITU-T P.835, 1 to 5: overall quality, speech signal, background."""

    ovrl: float
    sig: float
    bak: float


def rate(samples: np.ndarray) -> Dnsmos:
    """Rate a signal [N] at 16 kHz with DNSMOS P.835 (Reddy et al., ICASSP 2022).

    Scores are means over windows of 9.01 s, one per second; a shorter signal is repeated. NaN for a signal that is
    silent, which the network would rate anyway, or shorter than 20 ms.
    """
    if len(samples) < SHORTEST or not samples.any():
        return Dnsmos(float("nan"), float("nan"), float("nan"))
    # DNSMOS refuses samples beyond full scale, which resampling may produce
    rated = model()(np.clip(samples, -1, 1), SAMPLE_RATE, is_personalized_MOS=False)
    return Dnsmos(*(float(rated[f"{scale}_mos"]) for scale in Dnsmos._fields))


class _OneThread(dnsmos.DNSMOS):
    """DNSMOS model limited to one thread; the package's own model uses all cores."""

    def __init__(self, folder: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.onnx_sess, self.p808_onnx_sess = (
            onnxruntime.InferenceSession(folder / name, options, providers=["CPUExecutionProvider"])
            for name in ("sig_bak_ovr.onnx", "model_v8.onnx")
        )


@lru_cache(maxsize=1)
def model() -> _OneThread:
    """Return the network, loaded at the first call."""
    return _OneThread(Path(dnsmos.__file__).parent / "dnsmos_models")
