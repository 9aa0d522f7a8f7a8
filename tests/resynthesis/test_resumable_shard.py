"""A stopped shard is resumed to the same bytes; pieces that are damaged or of something else are made again."""

import pytest

from codecfake import codecs
from codecfake.codecs import Codec
from codecfake.data.shards import Shard, shard_row, write_shard
from codecfake.pipeline import config
from codecfake.resynthesis.resynthesis import resynthesise_shard
from damage import damaged


@pytest.fixture
def identity():
    return codecs.load(config.codec("identity"), {}, "cpu")


class Interrupted(Codec):
    """A codec that is interrupted after `after` utterances and counts the processed ones."""

    def __init__(self, codec, after):
        super().__init__({"sample_rate": codec.sample_rate, "hop": codec.hop})
        self.codec, self.left, self.done = codec, after, 0

    @classmethod
    def load(cls, entry, files, device):
        raise NotImplementedError

    def output_length(self, num_samples):
        return self.codec.output_length(num_samples)

    def encode(self, waveforms):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left, self.done = self.left - 1, self.done + 1
        return self.codec.encode(waveforms)

    def decode(self, encoded):
        return self.codec.decode(encoded)


@pytest.fixture
def long_shard(tmp_path, speech, monkeypatch):
    monkeypatch.setattr("codecfake.resynthesis.resynthesis.AT_ONCE", 4)
    description = {"label": "bonafide", "speaker_id": "s", "codec_name": "source"}
    rows = [shard_row(speech(0.2, seed=n), 16000, utterance_id=f"u{n:02d}", **description) for n in range(18)]
    write_shard(tmp_path / "source.parquet", rows)
    return tmp_path / "source.parquet"


def go(source, target, codec, code="same"):
    resynthesise_shard(source, target, codec, "identity", "bonafide", "clean", {"code": code})


@pytest.mark.parametrize("after", [0, 3, 9, 17])
def test_stopped_shard_resumes_after_its_last_piece_with_the_same_bytes(long_shard, tmp_path, identity, after):
    go(long_shard, tmp_path / "whole.parquet", identity)
    target = tmp_path / "stopped.parquet"
    with pytest.raises(KeyboardInterrupt):
        go(long_shard, target, Interrupted(identity, after))
    assert not target.exists()
    counting = Interrupted(identity, -1)
    go(long_shard, target, counting)
    assert counting.done == 18 - after + after % 4
    assert target.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"source.parquet", "whole.parquet", "stopped.parquet"}


@pytest.mark.parametrize("changed", ["code", "source"])
def test_pieces_of_other_code_or_source_are_computed_again(long_shard, tmp_path, identity, speech, changed):
    target = tmp_path / "stopped.parquet"
    with pytest.raises(KeyboardInterrupt):
        go(long_shard, target, Interrupted(identity, 9))
    if changed == "source":
        rows = [{**row, "speaker_id": "t"} for row in Shard(long_shard)]
        write_shard(long_shard, rows)
    counting = Interrupted(identity, -1)
    go(long_shard, target, counting, "other" if changed == "code" else "same")
    assert counting.done == 18


def test_damaged_piece_is_computed_again(long_shard, tmp_path, identity):
    go(long_shard, tmp_path / "whole.parquet", identity)
    with pytest.raises(KeyboardInterrupt):
        go(long_shard, tmp_path / "stopped.parquet", Interrupted(identity, 17))
    piece = tmp_path / ".stopped.parquet.parts/00001.parquet"
    piece.write_bytes(piece.read_bytes()[:100])
    go(long_shard, tmp_path / "stopped.parquet", identity)
    assert (tmp_path / "stopped.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_changed_byte_in_a_piece_is_detected(long_shard, tmp_path, identity):
    go(long_shard, tmp_path / "whole.parquet", identity)
    with pytest.raises(KeyboardInterrupt):
        go(long_shard, tmp_path / "stopped.parquet", Interrupted(identity, 17))
    piece = tmp_path / ".stopped.parquet.parts/00002.parquet"
    piece.write_bytes(damaged(piece.read_bytes(), "fLaC", 196))
    counting = Interrupted(identity, -1)
    go(long_shard, tmp_path / "stopped.parquet", counting)
    assert counting.done == 18 - 8
    assert (tmp_path / "stopped.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
