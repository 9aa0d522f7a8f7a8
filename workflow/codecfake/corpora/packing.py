"""Conversion of a corpus's recordings to shard rows."""

from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from codecfake.corpora.base import Corpus, Utterance
from codecfake.data.shards import shard_row
from codecfake.util.constants import SOURCE
from codecfake.util.errors import AudioError


def source_rows(corpus: Corpus, utterances: list[Utterance]) -> Iterator[dict[str, Any]]:
    """Yield the corpus's recordings at their own sample rate, as shard rows.

    Raises:
        AudioError: a recording cannot be read, or has changed since it was listed.
    """
    for utterance in tqdm(utterances, unit="utt", desc="corpus", mininterval=5):
        samples, sample_rate = corpus.read(utterance)
        if (len(samples), sample_rate) != (utterance.num_samples, utterance.sample_rate):
            raise AudioError(
                f"{utterance.utterance_id} ({utterance.source}): {len(samples)} samples at {sample_rate} Hz; "
                f"{utterance.num_samples} at {utterance.sample_rate} Hz expected, as listed before"
            )
        yield shard_row(
            samples,
            sample_rate,
            label="bonafide",
            speaker_id=utterance.speaker_id,
            utterance_id=utterance.utterance_id,
            codec_name=SOURCE,
        )
