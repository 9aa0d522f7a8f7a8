"""Utterances through a codec: from a bona fide shard to the codec's shard, or one file to another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from codecfake import audio, store
from codecfake.codecs import Codec
from codecfake.corpora import Corpus, Utterance
from codecfake.errors import AudioError
from codecfake.names import SOURCE


def source_rows(corpus: Corpus, utterances: list[Utterance]) -> Iterator[dict[str, Any]]:
    """The corpus's recordings at their own rate, as rows of a shard.

    Raises:
        AudioError: a recording cannot be read, or is not as long as the corpus said.
    """
    for utterance in tqdm(utterances, unit="utt", desc="corpus", mininterval=5):
        samples = corpus.read(utterance)
        if len(samples) != utterance.num_samples:
            raise AudioError(
                f"{utterance.utterance_id} ({utterance.source}): {len(samples)} samples; "
                f"{utterance.num_samples} expected"
            )
        yield store.row(
            samples,
            utterance.sample_rate,
            label="bonafide",
            speaker_id=utterance.speaker_id,
            utterance_id=utterance.utterance_id,
            codec_name=SOURCE,
        )


@torch.inference_mode()
def through_codec(samples: np.ndarray, sample_rate: int, codec: Codec, name: str) -> np.ndarray:
    """One utterance through a codec.

    Args:
        samples: float32 [N] at `sample_rate` Hz.
        name: stands for the utterance in errors.

    Returns:
        float32 at the codec's rate, exactly as long as the input is at that rate.

    Raises:
        AudioError: the input is shorter than one frame of the codec, or the output is not finite.
    """
    at_rate = audio.resample(samples, sample_rate, codec.sample_rate)
    audio.check(at_rate, name, minimum=codec.hop)
    waveforms = torch.from_numpy(at_rate).to(codec.device)[None]
    decoded = codec.resynthesise(waveforms)[0].cpu().numpy()
    audio.check(decoded, f"{name} after the codec")
    return audio.match_length(decoded, len(at_rate))


def resynthesised_rows(source: store.Shard, codec: Codec, codec_name: str, label: str) -> Iterator[dict[str, Any]]:
    """Every utterance of a source shard through a codec, as rows of the codec's shard."""
    for item in tqdm(source, unit="utt", desc=codec_name, total=len(source), mininterval=5):
        samples, sample_rate = store.decode_row(item)
        yield store.row(
            through_codec(samples, sample_rate, codec, item["utterance_id"]),
            codec.sample_rate,
            label=label,
            speaker_id=item["speaker_id"],
            utterance_id=item["utterance_id"],
            codec_name=codec_name,
        )


def resynthesise_file(source: Path, target: Path, codec: Codec) -> None:
    """One audio file of any rate and number of channels to a 16-bit WAV at the codec's rate."""
    samples, sample_rate = audio.read(source)
    audio.write_wav(target, through_codec(samples, sample_rate, codec, str(source)), codec.sample_rate)
