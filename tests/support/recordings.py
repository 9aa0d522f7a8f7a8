"""Recordings of any format, and what a corpus makes of them."""

import soundfile


def write(path, samples, sample_rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sample_rate)


def rates(corpus):
    """Return speaker and sample rate of each recording, by id."""
    return {
        recording.utterance_id: (recording.speaker_id, corpus.read(recording)[1]) for recording in corpus.recordings()
    }
