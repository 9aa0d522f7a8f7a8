"""Resynthesis, from a corpus to source shards to the shards of a codec."""

import numpy as np
import pytest
import torch

from codecfake import codecs
from codecfake.audio import io as audio
from codecfake.codecs import Codec
from codecfake.corpora.folder import FolderCorpus
from codecfake.corpora.packing import source_rows
from codecfake.corpora.validation import list_utterances
from codecfake.data.shards import Shard, shard_row, write_shard
from codecfake.fetch import download
from codecfake.pipeline import config
from codecfake.resynthesis.resynthesis import ahead, batches, resynthesise_file, resynthesise_shard, through_codec
from codecfake.runtime.device import BatchSplitter
from codecfake.util.errors import AudioError


@pytest.fixture
def identity():
    return codecs.load(config.codec("identity"), {}, "cpu")


@pytest.fixture
def encodec():
    entry = config.codec("encodec_mini")
    return codecs.load(entry, {"checkpoint": download.REPOSITORY / entry["files"]["checkpoint"]["key"]}, "cpu")


@pytest.fixture
def corpus(tmp_path, speech):
    for speaker, rate in (("a", 44100), ("b", 16000)):
        for number in range(2):
            folder = tmp_path / "corpus" / speaker
            audio.write(folder / f"{number}.wav", speech(0.6, rate, number), rate)
    return FolderCorpus(tmp_path / "corpus")


@pytest.fixture
def utterances(corpus):
    return list_utterances(corpus, corpus.recordings(), "fail", 1).utterances


def rows_of(source, codec, codec_name, label):
    target = source.with_name(f"{codec_name}.parquet")
    resynthesise_shard(source, target, codec, codec_name, label, "clean", {})
    return list(Shard(target))


def test_both_classes_have_the_same_rates_and_lengths(corpus, utterances, identity, encodec, tmp_path):
    source = tmp_path / "source.parquet"
    write_shard(source, source_rows(corpus, utterances))
    bonafide = rows_of(source, identity, "identity", "bonafide")
    spoof = rows_of(source, encodec, "encodec_mini", "spoof")
    for real, fake in zip(bonafide, spoof, strict=True):
        assert (real["label"], fake["label"]) == ("bonafide", "spoof")
        for key in ("utterance_id", "speaker_id", "sample_rate", "num_samples"):
            assert real[key] == fake[key]
        assert real["audio"]["bytes"] != fake["audio"]["bytes"]


def test_resynthesis_is_deterministic(corpus, utterances, encodec, tmp_path):
    source = tmp_path / "source.parquet"
    write_shard(source, source_rows(corpus, utterances))
    for name in ("one", "two"):
        resynthesise_shard(source, tmp_path / name, encodec, "encodec_mini", "spoof", "clean", {"code": "the same"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_source_shards_keep_the_sample_rate_of_the_corpus(corpus, utterances):
    rates = {row["speaker_id"]: row["sample_rate"] for row in source_rows(corpus, utterances)}
    assert rates == {"a": 44100, "b": 16000}


@pytest.mark.parametrize(("seconds", "rate", "length"), [(0.3, 44100, 13230), (1.2, 22050, 26460)])
def test_recording_changed_since_listing_is_refused(corpus, utterances, speech, seconds, rate, length):
    listed = utterances[0]
    audio.write(corpus.root / listed.source, speech(seconds, rate), rate)
    message = rf"{listed.utterance_id} \({listed.source}\): {length} samples at {rate} Hz; 26460 at 44100 Hz expected"
    with pytest.raises(AudioError, match=message):
        list(source_rows(corpus, utterances))


def test_an_utterance_shorter_than_a_frame_is_refused(encodec):
    with pytest.raises(AudioError, match="tiny: 159 samples; at least 160"):
        through_codec([np.zeros(159, np.float32)], ["tiny"], encodec, "clean")


def test_nan_output_of_a_codec_is_refused(identity, speech, monkeypatch):
    monkeypatch.setattr(identity, "decode", lambda encoded: encoded * float("nan"))
    with pytest.raises(AudioError, match="u1 after the codec: sample 0 is nan"):
        through_codec([speech()], ["u1"], identity, "clean")


@pytest.mark.parametrize(("rate", "length"), [(16000, 8000), (44100, 22051), (96000, 48001)])
def test_resynthesised_file_keeps_its_length_at_the_codec_rate(rate, length, encodec, speech, tmp_path):
    audio.write(tmp_path / "in.wav", speech(1.0, rate)[:length], rate)
    resynthesise_file(tmp_path / "in.wav", tmp_path / "out.wav", encodec, "clean")
    samples, out_rate = audio.read(tmp_path / "out.wav")
    assert (len(samples), out_rate) == (audio.resampled_length(length, rate, 16000), 16000)


class Stub(Codec):
    """An identity codec that records the shapes of the batches it decodes."""

    def __init__(self, causal, hop=100):
        super().__init__({"sample_rate": 16000, "hop": hop})
        self.causal, self.shapes = causal, []

    @classmethod
    def load(cls, entry, files, device):
        raise NotImplementedError

    def output_length(self, num_samples):
        return num_samples

    def encode(self, waveforms):
        assert len(waveforms) == 1
        missing = -waveforms.shape[1] % self.hop
        return torch.nn.functional.pad(waveforms, (0, missing)).reshape(1, -1, self.hop)

    def decode(self, encoded):
        self.shapes.append(tuple(encoded.shape[:2]))
        return encoded.flatten(1)


def test_utterances_are_decoded_one_by_one_on_the_cpu(speech):
    codec = Stub(causal=True)
    through_codec([speech()[:length] for length in (300, 300, 200, 900)], list("abcd"), codec, "raw")
    assert codec.shapes == [(1, 2), (1, 3), (1, 3), (1, 9)]


@pytest.mark.parametrize(("causal", "expected"), [(False, [[1, 3], [4], [2], [0, 5]]), (True, [[1, 3, 4, 2, 0, 5]])])
def test_only_causal_codecs_mix_lengths_in_a_batch(causal, expected):
    assert sorted(batches([9, 3, 5, 3, 4, 9], causal, most=100)) == sorted(expected)


def test_batch_with_padding_stays_within_the_frame_limit():
    frames = [40, 1, 20, 20, 20]
    found = list(batches(frames, causal=True, most=64))
    assert sorted(index for batch in found for index in batch) == list(range(5))
    assert all(len(batch) * max(frames[i] for i in batch) <= 64 for batch in found)


class Cramped(Stub):
    """A codec that runs out of memory beyond `room` frames."""

    def __init__(self, room):
        super().__init__(causal=True)
        self.room = room

    def decode(self, encoded):
        if encoded.shape[0] * encoded.shape[1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().decode(encoded)


def test_out_of_memory_halves_the_batch_size_permanently(speech, batching, capsys):
    utterances = [speech()[:length] for length in (900, 500, 901, 500, 700)]
    codec, splitter = Cramped(room=20), BatchSplitter()
    for _ in range(2):
        found = through_codec(utterances, list("abcde"), codec, "raw", splitter)
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, utterances, strict=True))
    assert codec.shapes == 2 * [(2, 5), (1, 7), (1, 9), (1, 10)]
    assert capsys.readouterr().err == 2 * "out of memory on the device: batch size halved from now on\n"


def test_utterance_too_long_for_memory_is_an_error(speech, batching):
    with pytest.raises(torch.OutOfMemoryError):
        through_codec([speech()[:900], speech()[:500]], ["a", "b"], Cramped(room=8), "raw")


def test_outputs_keep_the_input_order_in_batches(speech, batching):
    utterances = [speech()[:length] for length in (900, 500, 901, 500, 700)]
    codec = Stub(causal=True)
    found = through_codec(utterances, list("abcde"), codec, "raw")
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, utterances, strict=True))
    assert codec.shapes == [(5, 10)]


def test_all_rows_are_resynthesised_in_order(tmp_path, speech, identity, monkeypatch):
    monkeypatch.setattr("codecfake.resynthesis.resynthesis.AT_ONCE", 4)
    names = [f"u{number:02d}" for number in range(11)]
    lengths = np.random.default_rng(0).integers(2000, 9000, len(names))
    description = {"label": "bonafide", "speaker_id": "s", "codec_name": "source"}
    write_shard(
        tmp_path / "source.parquet",
        [
            shard_row(speech()[:length], 16000, utterance_id=name, **description)
            for name, length in zip(names, lengths, strict=True)
        ],
    )
    rows = rows_of(tmp_path / "source.parquet", identity, "identity", "bonafide")
    assert [(row["utterance_id"], row["num_samples"]) for row in rows] == list(zip(names, lengths, strict=True))


def test_ahead_keeps_order_and_raises_errors():
    assert list(ahead(lambda x: 2 * x, range(5))) == [0, 2, 4, 6, 8]
    assert list(ahead(str, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda x: 1 / x, [1, 0, 2]))
