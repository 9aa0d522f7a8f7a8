"""Waveforms: stored at 16 kHz and found by name; refused files."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from codecfake.audio import io as audio
from codecfake.data.shards import Shard, decode_row
from codecfake.data.waveforms import Waveforms, shard_waveforms, write_waveforms
from codecfake.trials.protocol import trial_names
from codecfake.util.constants import SAMPLE_RATE
from codecfake.util.errors import DataError
from tiny_run import make_run


@pytest.fixture(scope="module")
def named(speech) -> dict[str, np.ndarray]:
    """Utterances of different lengths, more than a record batch holds."""
    return {f"codec+{number}": speech(0.01 + 0.001 * number, seed=number) for number in range(150)}


@pytest.fixture(scope="module")
def path(named, tmp_path_factory):
    path = tmp_path_factory.mktemp("waveforms") / "codec.arrow"
    write_waveforms(path, named.items())
    return path


def test_waveforms_round_trip_as_16_bit(named, path):
    names = sorted(named)
    found = Waveforms([path], names)
    assert len(found) == 150
    for number, name in enumerate(names):
        assert np.array_equal(found[number], audio.to_pcm16(named[name]))
        assert found.lengths[number] == len(named[name])


def test_waveforms_of_several_files_are_found_by_name(named, path, tmp_path):
    write_waveforms(tmp_path / "more.arrow", [("other+0", named["codec+7"])])
    found = Waveforms([tmp_path / "more.arrow", path], ["codec+149", "other+0", "codec+7"])
    assert np.array_equal(found[1], found[2])
    assert found.lengths[0] == len(named["codec+149"])


def test_waveforms_are_memory_mapped(path):
    found = Waveforms([path], ["codec+3"])
    assert not found[0].flags.owndata
    assert not found[0].flags.writeable


def test_same_waveforms_give_the_same_bytes(named, path, tmp_path):
    write_waveforms(tmp_path / "again.arrow", named.items())
    assert (tmp_path / "again.arrow").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("sample_rate", [16000, 24000, 44100])
def test_shard_waveforms_do_not_depend_on_the_number_of_workers(tmp_path, speech, sample_rate):
    _, protocols = make_run(tmp_path, speech, {"train": 3, "dev": 1, "eval": 1}, 2, sample_rate=sample_rate)
    shards = sorted((tmp_path / "identity").glob("*.parquet"))
    alone, together = (dict(shard_waveforms(shards, workers)) for workers in (1, 3))
    assert list(alone) == list(together) == trial_names(protocols["identity"]).tolist()
    for name, row in zip(alone, (row for path in shards for row in Shard(path)), strict=True):
        samples, rate = decode_row(row)
        assert rate == sample_rate
        assert np.array_equal(alone[name], audio.resample(samples, rate, SAMPLE_RATE))
        assert np.array_equal(alone[name], together[name])


def test_invalid_waveform_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.arrow: not a readable waveform file"):
        Waveforms([tmp_path / "none.arrow"], [])
    (tmp_path / "text.arrow").write_text("no Arrow")
    with pytest.raises(DataError, match=r"text\.arrow: not a readable waveform file"):
        Waveforms([tmp_path / "text.arrow"], [])
    table = pa.table({"a": [1]})
    with pa.ipc.new_file(str(tmp_path / "other.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(DataError, match=r"other\.arrow: columns \['a'\]; a waveform file has \['name', 'samples'\]"):
        Waveforms([tmp_path / "other.arrow"], [])


def test_trial_name_is_codec_and_utterance():
    trials = pd.DataFrame({"codec": ["identity", "dac"], "utterance_id": ["p225_001", "p225_001"]})
    assert trial_names(trials).tolist() == ["identity+p225_001", "dac+p225_001"]
