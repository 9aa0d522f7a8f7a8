"""Measure a codec on held-out utterances."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from codecfake.audio import features, intelligibility
from codecfake.audio import io as audio
from codecfake.codecs import Codec
from codecfake.resynthesis.resynthesis import through_codec


class Measures(NamedTuple):
    """Means over utterances: STOI, PESQ-WB (NaN without pesq) and `features.line_level` (dB) above the original's."""

    stoi: float
    pesq_wb: float
    line_db: float


@torch.inference_mode()
def measures(codec: Codec, utterances: list[np.ndarray]) -> Measures:
    """Measure the resynthesis, by recipe `clean`, of utterances (int16 [N] at the codec's rate)."""
    references = [audio.from_pcm16(pcm) for pcm in utterances]
    pairs = [(one, *through_codec([one], ["held-out utterance"], codec, "clean")) for one in references]
    lines = pd.DataFrame([[features.line_level(one, codec.sample_rate, codec.hop) for one in pair] for pair in pairs])
    return Measures(*intelligibility.mean_quality(pairs, codec.sample_rate), float((lines[1] - lines[0]).mean()))
