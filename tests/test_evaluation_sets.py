"""Columns other than codecs: user-supplied evaluation sets, and eval speech under conditions."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.data.shards import Shard, decode_row, write_shard
from codecfake.data.waveforms import Waveforms, write_waveforms
from codecfake.pipeline import config
from codecfake.trials.condition_waveforms import condition_waveforms
from codecfake.trials.evaluation_sets import set_rows
from codecfake.trials.protocol import Protocol, condition_protocol, set_protocol, trial_names
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError, DataError
from tiny_run import MUFFLED, make_run, waveforms_in

NOISE = {"kind": "noise", "colour": "white", "snr_db": 10}


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


def test_a_set_has_every_recording_with_its_class_and_speaker(shard):
    found = [(row["label"], row["utterance_id"], row["speaker_id"]) for row in Shard(shard).describe()]
    assert found == [
        ("bonafide", "bonafide/3.ogg", "bonafide/3.ogg"),
        ("bonafide", "bonafide/anna/1.wav", "anna"),
        ("bonafide", "bonafide/anna/deeper/2.flac", "anna"),
        ("spoof", "spoof/4 of 5.mp3", "spoof/4 of 5.mp3"),
        ("spoof", "spoof/5.g722", "spoof/5.g722"),
        ("spoof", "spoof/anna/1.WAV", "anna"),
    ]


def test_recordings_of_a_set_are_stored_as_they_are_heard(shard, recordings):
    stored = Shard(shard)
    assert [row["sample_rate"] for row in stored.describe()] == [48000, 16000, 24000, 16000, 16000, 8000]
    for number, row in enumerate(stored.describe()):
        samples, sample_rate = decode_row(stored[number])
        original, rate = audio.read(recordings / row["utterance_id"])
        assert (row["codec_name"], sample_rate, row["num_samples"]) == ("mine", rate, len(original))
        assert np.abs(samples - original).max() <= 1 / audio.PCM16_FULL_SCALE


@pytest.mark.parametrize("label", ["bonafide", "spoof"])
def test_a_set_without_a_class_is_refused_with_what_is_expected(recordings, tmp_path, label):
    (recordings / label).rename(tmp_path / "away")
    with pytest.raises(
        DataError, match=rf"evaluation set 'mine': no audio in .*{label}; expected bonafide/ and spoof/"
    ):
        write_shard(tmp_path / "mine.parquet", set_rows("mine", recordings))
    assert not (tmp_path / "mine.parquet").exists()


def test_a_recording_that_cannot_be_read_is_named(recordings):
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


@pytest.fixture(scope="module")
def resynthesised(tmp_path_factory):
    return tmp_path_factory.mktemp("resynthesised")


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    """Trials of all splits, with eval between the others."""
    _, protocols = make_run(resynthesised, speech, {"train": 1, "dev": 1, "eval": 2}, per_speaker=2)
    return pd.concat(protocols.values(), ignore_index=True)


@pytest.fixture(scope="module")
def under(resynthesised, trials):
    """under(condition, workers=1): return the `condition_waveforms` of these trials."""

    def under(condition: dict, workers: int = 1) -> dict[str, np.ndarray]:
        return dict(condition_waveforms("loud", condition, trials, waveforms_in(resynthesised), workers))

    return under


def test_eval_trials_alone_are_under_a_condition(trials):
    changed = tables.check(condition_protocol("loud", trials), Protocol, "loud")
    utterances = [f"eval{speaker}_{number}" for speaker in range(2) for number in range(2)]
    assert changed["utterance_id"].tolist() == utterances * 2
    assert changed["codec"].tolist() == [f"{IDENTITY}@loud"] * 4 + [f"{MUFFLED}@loud"] * 4
    kept = ["speaker_id", "label", "split", "shard", "row"]
    before = trials[trials["split"] == "eval"].reset_index(drop=True)
    pd.testing.assert_frame_equal(changed[kept], before[kept])
    assert set(trials["codec"]) == {IDENTITY, MUFFLED}


def test_protocol_and_waveforms_of_a_condition_name_the_same_in_one_order(trials, under, tmp_path):
    made = under(NOISE)
    names = trial_names(condition_protocol("loud", trials)).tolist()
    assert list(made) == names
    assert names[0] == "identity@loud+eval0_0"
    write_waveforms(tmp_path / "loud.arrow", made.items())
    found = Waveforms([tmp_path / "loud.arrow"], names[::-1])
    assert np.array_equal(found[0], audio.to_pcm16(made[names[-1]]))


def original(resynthesised, name: str) -> np.ndarray:
    return audio.from_pcm16(Waveforms(waveforms_in(resynthesised), [name.replace("@loud", "")])[0])


def test_every_trial_is_changed_as_the_condition_says(resynthesised, under):
    for name, samples in under(NOISE).items():
        before = original(resynthesised, name)
        assert samples.dtype == np.float32
        assert 10 * np.log10(np.mean(before**2) / np.mean((samples - before) ** 2)) == pytest.approx(10, abs=0.01)


def test_bona_fide_and_spoof_of_an_utterance_get_the_same_noise_and_other_utterances_another(resynthesised, under):
    noise = {}
    for name, samples in under(NOISE).items():
        added = samples - original(resynthesised, name)
        noise[name] = added / np.linalg.norm(added)
    for name, added in noise.items():
        codec, _, utterance = name.partition("+")
        if codec == f"{IDENTITY}@loud":
            assert added @ noise[f"{MUFFLED}@loud+{utterance}"] == pytest.approx(1, abs=1e-4)
    first, *others = [added for name, added in noise.items() if name.startswith(IDENTITY)]
    for other in others:
        length = min(len(first), len(other))
        assert abs(first[:length] @ other[:length]) < 0.1


@pytest.mark.parametrize("name", ["noise_10db", "amr_nb_12k2", "mp3_32k"])
def test_the_number_of_workers_changes_nothing(under, name):
    one, three = (under(config.conditions()[name], workers) for workers in (1, 3))
    assert list(one) == list(three)
    for trial, samples in one.items():
        assert np.array_equal(samples, three[trial])
