"""The quality of a codec's utterances: selection, references, removal of the delay."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from codecfake.audio import distances, intelligibility
from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.data.shards import Shard, decode_row, shard_path, shard_row, write_shard
from codecfake.quality import dnsmos, similarity
from codecfake.quality.measurement import measure
from codecfake.quality.summary import MEASURES
from codecfake.trials.protocol import Protocol
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError
from tiny_run import MUFFLED, muffle

#: Duration of each utterance in seconds, sufficient for every measure.
SECONDS = 1.2
UTTERANCES = [f"{speaker}_{number}" for speaker in ("anna", "ben") for number in range(3)]


def write_shards(folder: Path, codec: str, samples: dict[str, np.ndarray], sample_rate: int) -> list[Path]:
    """Write two shards of a codec, each with every other utterance; return their paths."""
    paths = [shard_path(folder, codec, number) for number in range(2)]
    for number, path in enumerate(paths):
        members = sorted(samples)[number::2]
        write_shard(path, [row(codec, name, samples[name], sample_rate) for name in members])
    return paths


def row(codec: str, name: str, samples: np.ndarray, sample_rate: int) -> dict:
    label, speaker = "bonafide" if codec == IDENTITY else "spoof", name.split("_")[0]
    return shard_row(samples, sample_rate, label=label, speaker_id=speaker, utterance_id=name, codec_name=codec)


def trials_of(codec: str, names: list[str], split: str = "eval") -> pd.DataFrame:
    rows = [{"utterance_id": name, "codec": codec, "split": split} for name in names]
    return pd.DataFrame(rows, columns=tables.columns(Protocol))


@pytest.fixture
def spoken(speech) -> dict[str, np.ndarray]:
    return {name: speech(SECONDS, seed=seed) for seed, name in enumerate(UTTERANCES)}


@pytest.fixture
def unrated(monkeypatch) -> None:
    """Replace DNSMOS, which takes a second per utterance."""
    monkeypatch.setattr(dnsmos, "rate", lambda samples: dnsmos.Dnsmos(1, 2, float(len(samples))))


@pytest.mark.usefixtures("pesq")
def test_row_equals_the_measures(tmp_path, speech):
    spoken = {"anna_0": speech(SECONDS)}
    noise = np.random.default_rng(0).normal(0, 0.01, len(spoken["anna_0"])).astype(np.float32)
    bonafide = write_shards(tmp_path, IDENTITY, spoken, 16000)
    shards = write_shards(tmp_path, "noisy", {"anna_0": spoken["anna_0"] + noise}, 16000)
    (found,) = measure("noisy", bonafide, shards, trials_of("noisy", ["anna_0"]), 10, 1).to_dict("records")
    pair = [decode_row(Shard(paths[0])[0])[0] for paths in (bonafide, shards)]
    rated = dnsmos.rate(pair[1])
    expected = {
        "pesq_wb": intelligibility.pesq_wb(*pair, 16000),
        "stoi": intelligibility.stoi(*pair, 16000),
        "mel_distance": distances.mel_distance(*pair),
        "speaker_similarity": similarity.speaker_similarity(*pair),
        "dnsmos_ovrl": rated.ovrl,
        "dnsmos_sig": rated.sig,
        "dnsmos_bak": rated.bak,
    }
    assert {name: found.pop(name) for name in MEASURES} == pytest.approx(expected, abs=1e-6)
    assert found == {"codec": "noisy", "utterance_id": "anna_0", "speaker_id": "anna"}


def test_bona_fide_speech_has_only_dnsmos(tmp_path, spoken, unrated):
    shards = write_shards(tmp_path, IDENTITY, spoken, 16000)
    found = measure(IDENTITY, shards, shards, trials_of(IDENTITY, UTTERANCES), 10, 1)
    assert found["utterance_id"].tolist() == sorted(UTTERANCES)
    assert found[MEASURES[:4]].isna().all(axis=None)
    assert set(found["dnsmos_sig"]) == {2}


@pytest.mark.usefixtures("pesq")
def test_quality_does_not_depend_on_rate_and_delay(tmp_path, spoken, unrated):
    bonafide = write_shards(tmp_path, IDENTITY, spoken, 16000)
    late = {name: np.pad(audio.resample(samples, 16000, 24000), (300, 0)) for name, samples in spoken.items()}
    shards = write_shards(tmp_path, "late", late, 24000)
    found = measure("late", bonafide, shards, trials_of("late", UTTERANCES), 10, 1)
    assert found["stoi"].min() > 0.999
    assert found["pesq_wb"].min() > 4.5
    assert found["speaker_similarity"].min() > 0.995
    assert found["mel_distance"].max() < 0.03


@pytest.mark.usefixtures("pesq")
def test_silent_codec_output_is_worst_or_undefined(tmp_path, spoken, unrated):
    bonafide = write_shards(tmp_path, IDENTITY, spoken, 16000)
    shards = write_shards(tmp_path, "mute", {name: np.zeros(8000, np.float32) for name in spoken}, 16000)
    found = measure("mute", bonafide, shards, trials_of("mute", UTTERANCES), 1, 1)
    assert found["pesq_wb"].tolist() == [1.0]
    assert found["speaker_similarity"].isna().all()


def test_all_codecs_are_measured_on_the_same_utterances(tmp_path, spoken, unrated):
    chosen = []
    for codec in (IDENTITY, MUFFLED):
        shards = write_shards(tmp_path, codec, spoken, 16000)
        bonafide = [shard_path(tmp_path, IDENTITY, number) for number in range(2)]
        trials = trials_of(codec, UTTERANCES).sample(frac=1, random_state=len(codec))
        chosen.append([set(measure(codec, bonafide, shards, trials, n, 1)["utterance_id"]) for n in (2, 4)])
    assert chosen[0] == chosen[1]
    assert chosen[0][0] < chosen[0][1]
    assert [len(names) for names in chosen[0]] == [2, 4]


def test_result_does_not_depend_on_the_number_of_workers(tmp_path, spoken):
    bonafide = write_shards(tmp_path, IDENTITY, spoken, 16000)
    shards = write_shards(tmp_path, MUFFLED, {name: muffle(one, 16000) for name, one in spoken.items()}, 16000)
    one, three = (measure(MUFFLED, bonafide, shards, trials_of(MUFFLED, UTTERANCES), 3, workers) for workers in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)


def test_utterance_in_no_shard_is_named(tmp_path, spoken):
    shards = write_shards(tmp_path, IDENTITY, spoken, 16000)
    with pytest.raises(DataError, match=r"identity: utterance 'carla_0' is in none of its 2 shards"):
        measure(IDENTITY, shards, shards, trials_of(IDENTITY, ["carla_0"]), 10, 1)


def test_a_protocol_without_eval_is_refused(tmp_path, spoken):
    with pytest.raises(DataError, match="muffled: no eval utterance"):
        measure(MUFFLED, [], [], trials_of(MUFFLED, UTTERANCES, "train"), 10, 1)
