"""Shards: rows are read back in any order, also by other tools, and existing shards are complete."""

import json

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codecfake.audio import io as audio
from codecfake.data.shards import ROW_GROUP, Shard, decode_row, shard_row, write_shard
from codecfake.util.errors import AudioError, DataError

COUNT = 2 * ROW_GROUP + 3


def make_row(number, speech):
    return shard_row(
        speech(0.1 + 0.01 * number, seed=number),
        16000,
        label="spoof",
        speaker_id=f"{number % 3:03}",
        utterance_id=f"u{number:03}",
        codec_name="encodec_mini",
    )


@pytest.fixture(scope="module")
def rows(speech):
    return [make_row(number, speech) for number in range(COUNT)]


@pytest.fixture
def shard(rows, tmp_path):
    path = tmp_path / "0000.parquet"
    write_shard(path, iter(rows))
    return Shard(path)


def test_rows_round_trip(shard, rows):
    assert len(shard) == COUNT
    assert list(shard) == rows


@pytest.mark.parametrize("order", [range(COUNT), reversed(range(COUNT)), [34, 0, 16, 15, 17, 31, 32, 0]])
def test_random_access_equals_iteration(shard, rows, order):
    for index in order:
        assert shard[index] == rows[index]


def test_row_groups_have_the_fixed_size(shard):
    metadata = pq.ParquetFile(shard.path).metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, 3]


def test_describe_returns_rows_without_audio(shard, rows):
    assert shard.describe() == [{key: value for key, value in row.items() if key != "audio"} for row in rows]


def test_decoded_samples_are_within_half_a_16_bit_step(shard, rows, speech):
    for index in (0, COUNT - 1):
        samples, sample_rate = decode_row(shard[index])
        assert (sample_rate, len(samples)) == (16000, rows[index]["num_samples"])
        np.testing.assert_allclose(samples, speech(0.1 + 0.01 * index, seed=index), atol=0.5001 / 32768)


def test_row_keeps_the_sample_rate_of_its_codec(tmp_path, speech):
    names = {"label": "spoof", "speaker_id": "s", "utterance_id": "u", "codec_name": "c"}
    path = tmp_path / "0000.parquet"
    write_shard(path, [shard_row(speech(0.1, 24000), 24000, **names)])
    shard = Shard(path)
    assert (shard[0]["sample_rate"], decode_row(shard[0])[1], shard[0]["num_samples"]) == (24000, 24000, 2400)
    assert shard[0]["audio"]["path"] == "c+u.flac"


def test_huggingface_metadata_describes_every_column(shard):
    features = json.loads(pq.read_schema(shard.path).metadata[b"huggingface"])["info"]["features"]
    assert list(features) == pq.read_schema(shard.path).names
    assert features["audio"] == {"_type": "Audio"}
    types = {name: str(pq.read_schema(shard.path).field(name).type) for name in features if name != "audio"}
    assert {name: feature["dtype"] for name, feature in features.items() if name != "audio"} == types


def test_huggingface_datasets_reads_shards(shard, rows, tmp_path):
    write_shard(tmp_path / "001.parquet", [{**rows[0], "utterance_id": "another"}])
    files = [str(shard.path), str(tmp_path / "001.parquet")]
    table = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert len(table) == COUNT + 1
    assert isinstance(table.features["audio"], datasets.Audio)
    table = table.cast_column("audio", datasets.Audio(decode=False))
    assert [table[index] for index in (0, COUNT - 1)] == [rows[0], rows[-1]]


def test_the_same_rows_give_the_same_bytes(tmp_path, speech):
    contents = []
    for name in ("first", "second"):
        write_shard(tmp_path / name, (make_row(number, speech) for number in range(20)))
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_empty_shard_is_valid(tmp_path):
    write_shard(tmp_path / "0000.parquet", [])
    shard = Shard(tmp_path / "0000.parquet")
    assert (len(shard), list(shard), shard.describe()) == (0, [], [])


def test_exception_while_writing_leaves_no_file(tmp_path, rows):
    def interrupted():
        yield from rows[:20]
        raise AudioError("u020: the audio is empty (0 samples)")

    with pytest.raises(AudioError, match="u020"):
        write_shard(tmp_path / "0000.parquet", interrupted())
    assert list(tmp_path.iterdir()) == []


DAMAGE = {
    "empty": lambda content: b"",
    "text": lambda content: b"PAR1 and no more",
    "truncated": lambda content: content[: len(content) // 2],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_corrupt_file_is_refused_by_name(shard, damage):
    shard.path.write_bytes(damage(shard.path.read_bytes()))
    with pytest.raises(DataError, match=r"0000\.parquet: not a readable Parquet file"):
        Shard(shard.path)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"gone\.parquet: not a readable Parquet file"):
        Shard(tmp_path / "gone.parquet")


def test_wrong_columns_are_refused_with_the_expected_ones(tmp_path):
    pq.write_table(pa.table({"audio": [1], "wrong": [2]}), tmp_path / "0000.parquet")
    with pytest.raises(DataError, match=r"0000\.parquet: columns \['audio', 'wrong'\]; a shard has \['audio', 'label'"):
        Shard(tmp_path / "0000.parquet")


def test_undecodable_audio_is_refused_by_utterance(rows):
    damaged = {**rows[0], "audio": {"bytes": b"no audio", "path": None}}
    with pytest.raises(AudioError, match=r"encodec_mini\+u000: cannot be decoded"):
        decode_row(damaged)


def test_audio_is_stored_as_flac(rows):
    data = rows[0]["audio"]["bytes"]
    assert data.startswith(b"fLaC")
    assert audio.decode(data, "u000")[1] == rows[0]["sample_rate"]
