"""User-supplied evaluation sets: their recordings and their protocol."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.data.shards import Shard, decode_row, write_shard
from codecfake.trials.evaluation_sets import set_rows
from codecfake.trials.protocol import Protocol, set_protocol
from codecfake.util.errors import AudioError, DataError


@pytest.fixture
def recordings(tmp_path, speech, write_g722):
    """A set with one speaker in folders of both classes, and files without a speaker."""
    folder = tmp_path / "recordings"
    formats = {
        "bonafide/anna/1.wav": 16000,
        "bonafide/anna/deeper/2.flac": 24000,
        "bonafide/3.ogg": 48000,
        "spoof/anna/1.WAV": 8000,
        "spoof/4 of 5.mp3": 16000,
    }
    for number, (name, rate) in enumerate(formats.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, speech(0.3, rate, seed=number), rate, format=path.suffix[1:].upper())
    write_g722(folder / "spoof/5.g722", speech(0.3, seed=9))
    for other in ("bonafide/notes.txt", "bonafide/.hidden.wav", "spoof/anna/cover.jpg", "elsewhere.wav"):
        (folder / other).write_bytes(b"no audio")
    return folder


@pytest.fixture
def shard(recordings, tmp_path):
    write_shard(tmp_path / "mine.parquet", set_rows("mine", recordings))
    return tmp_path / "mine.parquet"


def test_set_has_every_recording_with_class_and_speaker(shard):
    found = [(row["label"], row["utterance_id"], row["speaker_id"]) for row in Shard(shard).describe()]
    assert found == [
        ("bonafide", "bonafide/3.ogg", "bonafide/3.ogg"),
        ("bonafide", "bonafide/anna/1.wav", "anna"),
        ("bonafide", "bonafide/anna/deeper/2.flac", "anna"),
        ("spoof", "spoof/4 of 5.mp3", "spoof/4 of 5.mp3"),
        ("spoof", "spoof/5.g722", "spoof/5.g722"),
        ("spoof", "spoof/anna/1.WAV", "anna"),
    ]


def test_recordings_of_a_set_are_stored_unchanged(shard, recordings):
    stored = Shard(shard)
    assert [row["sample_rate"] for row in stored.describe()] == [48000, 16000, 24000, 16000, 16000, 8000]
    for number, row in enumerate(stored.describe()):
        samples, sample_rate = decode_row(stored[number])
        original, rate = audio.read(recordings / row["utterance_id"])
        assert (row["codec_name"], sample_rate, row["num_samples"]) == ("mine", rate, len(original))
        assert np.abs(samples - original).max() <= 1 / audio.PCM16_FULL_SCALE


@pytest.mark.parametrize("label", ["bonafide", "spoof"])
def test_set_without_a_class_is_refused_with_the_expected_layout(recordings, tmp_path, label):
    (recordings / label).rename(tmp_path / "away")
    with pytest.raises(
        DataError, match=rf"evaluation set 'mine': no audio in .*{label}; expected bonafide/ and spoof/"
    ):
        write_shard(tmp_path / "mine.parquet", set_rows("mine", recordings))
    assert not (tmp_path / "mine.parquet").exists()


def test_unreadable_recording_is_named(recordings):
    (recordings / "spoof/4 of 5.mp3").write_bytes(b"no audio")
    with pytest.raises(AudioError, match=r"4 of 5\.mp3: cannot be decoded"):
        list(set_rows("mine", recordings))


def test_all_trials_of_a_set_are_eval(shard):
    trials = tables.check(set_protocol(shard), Protocol, "mine")
    described = pd.DataFrame(Shard(shard).describe())
    for name in ("speaker_id", "utterance_id", "label"):
        assert trials[name].tolist() == described[name].tolist()
    assert set(trials["split"]) == {"eval"}
    assert set(trials["codec"]) == {"mine"}
    assert trials["row"].tolist() == list(range(6))
