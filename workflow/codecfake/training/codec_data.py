"""The recordings on which a miniature codec is trained, selected and measured."""

import numpy as np
from tqdm import tqdm

from codecfake.audio import io as audio
from codecfake.corpora import Corpus
from codecfake.corpora.selection import assign_splits, choose, speakers_of, subset

#: Utterances per dev speaker that select the checkpoint.
HELD_OUT_PER_SPEAKER = 12


def pcm_of_split(
    corpus: Corpus, section: dict, split: str, sample_rate: int, per_speaker: int | None = None
) -> list[np.ndarray]:
    """Read the recordings of one split, int16 [N] at `sample_rate`; at most `per_speaker` of each speaker.

    Args:
        section: the `corpus` section of a run's config, which assigns speakers to splits.
    """
    known = corpus.speakers()
    everything = {key: value for key, value in section.items() if key != "utterances_per_speaker"}
    recordings = choose(corpus.recordings(), known, everything)
    split_of = assign_splits(speakers_of(recordings, known), known, section)
    members = [recording for recording in recordings if split_of[recording.speaker_id] == split]
    members = subset(members, dict.fromkeys(split_of, per_speaker))
    corpus.fetch(members)
    return [
        audio.to_pcm16(audio.resample(*corpus.read(recording), sample_rate))
        for recording in tqdm(members, unit="utt", desc=f"reading {split}", mininterval=5)
    ]
