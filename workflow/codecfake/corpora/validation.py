"""Validation of every chosen recording before any computation, so that errors appear at the start."""

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tqdm import tqdm

from codecfake.corpora import Corpus, LeftOut, Recording, Utterance
from codecfake.util.errors import AudioError

#: Minimum duration of a recording: longer than a frame of every codec (FunCodec's are 40 ms).
MIN_SECONDS = 0.1
#: Maximum number of bad recordings listed in an error.
LISTED = 20


class Listing(NamedTuple):
    """The utterances of a run, and those it leaves out."""

    utterances: list[Utterance]
    left_out: list[LeftOut]


def list_utterances(corpus: Corpus, recordings: list[Recording], on_bad_audio: str, workers: int) -> Listing:
    """Read recordings and describe them.

    Args:
        on_bad_audio: `fail`, or `skip` to leave bad recordings out.
        workers: number of recordings read concurrently; does not affect the result.

    Raises:
        AudioError: recordings are corrupt, empty, not finite or shorter than `MIN_SECONDS`, and `on_bad_audio`
            is `fail`; the message names the first `LISTED`.
    """
    corpus.fetch(recordings)

    def examine(recording: Recording) -> Utterance | LeftOut:
        try:
            return describe(corpus, recording)
        except AudioError as error:
            return LeftOut(recording.utterance_id, recording.speaker_id, str(error))

    with ThreadPoolExecutor(workers) as threads:
        bar = tqdm(threads.map(examine, recordings), total=len(recordings), unit="utt", desc="corpus", mininterval=5)
        found = list(bar)
    bad = [item for item in found if isinstance(item, LeftOut)]
    if bad and on_bad_audio == "fail":
        raise AudioError(
            f"{len(bad)} of {len(recordings)} recordings cannot be used:\n{_lines(bad)}\n"
            "Repair them, or leave them out of both classes: `on_bad_audio: skip` in the config's corpus section"
        )
    if bad:
        print(f"{len(bad)} of {len(recordings)} recordings left out:\n{_lines(bad)}", file=sys.stderr)
    return Listing([item for item in found if isinstance(item, Utterance)], bad)


def _lines(bad: Iterable[LeftOut]) -> str:
    lines = [f"  {item.reason}" for item in bad]
    more = [f"  and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return "\n".join(lines[:LISTED] + more)


def describe(corpus: Corpus, recording: Recording) -> Utterance:
    """Return a recording with its sample rate, length and transcript.

    Raises:
        AudioError: the recording is unusable.
    """
    samples, sample_rate = corpus.read(recording)
    if len(samples) < MIN_SECONDS * sample_rate:
        raise AudioError(
            f"{recording.source}: {len(samples)} samples at {sample_rate} Hz; at least {MIN_SECONDS} s needed"
        )
    return Utterance(
        utterance_id=recording.utterance_id,
        speaker_id=recording.speaker_id,
        source=recording.source,
        sample_rate=sample_rate,
        num_samples=len(samples),
        text=" ".join(corpus.text(recording).split()),
    )
