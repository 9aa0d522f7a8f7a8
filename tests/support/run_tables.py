"""Utterances of three speakers, one in each split."""

from codecfake.corpora import Utterance

SPLIT_OF = {"007": "train", "s2": "dev", "s3": "eval"}


def make_utterances(count: int) -> list[Utterance]:
    speakers = sorted(SPLIT_OF)
    return [Utterance(f"u{n:03}", speakers[n % 3], f"{n}.wav", 16000, 1600 + n, "a b") for n in range(count)]
