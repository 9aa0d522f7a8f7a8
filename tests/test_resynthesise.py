"""From a corpus to source shards to a codec's shards."""

import numpy as np
import pytest

from codecfake import audio, codecs, config, download, store
from codecfake.corpora.folder import FolderCorpus
from codecfake.errors import AudioError
from codecfake.resynthesise import resynthesise_file, resynthesised_rows, source_rows, through_codec


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
            audio.write_wav(folder / f"{number}.wav", speech(0.6, rate, number), rate)
    return FolderCorpus(tmp_path / "corpus")


def test_both_classes_have_the_same_rates_and_lengths(corpus, identity, encodec, tmp_path):
    source = tmp_path / "source.parquet"
    store.write_shard(source, source_rows(corpus, corpus.utterances()))
    bonafide = list(resynthesised_rows(store.Shard(source), identity, "identity", "bonafide"))
    spoof = list(resynthesised_rows(store.Shard(source), encodec, "encodec_mini", "spoof"))
    for real, fake in zip(bonafide, spoof, strict=True):
        assert (real["label"], fake["label"]) == ("bonafide", "spoof")
        for key in ("utterance_id", "speaker_id", "sample_rate", "num_samples"):
            assert real[key] == fake[key]
        assert real["audio"]["bytes"] != fake["audio"]["bytes"]


def test_the_same_shard_comes_out_byte_for_byte(corpus, encodec, tmp_path):
    source = tmp_path / "source.parquet"
    store.write_shard(source, source_rows(corpus, corpus.utterances()))
    for name in ("one", "two"):
        store.write_shard(tmp_path / name, resynthesised_rows(store.Shard(source), encodec, "encodec_mini", "spoof"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_source_shards_keep_the_corpus_rate(corpus):
    rates = {row["speaker_id"]: row["sample_rate"] for row in source_rows(corpus, corpus.utterances())}
    assert rates == {"a": 44100, "b": 16000}


def test_a_recording_of_another_length_than_listed_is_refused(corpus, speech):
    listed = corpus.utterances()
    audio.write_wav(corpus.root / listed[0].source, speech(0.3, 44100), 44100)
    with pytest.raises(AudioError, match=rf"{listed[0].utterance_id}.*13230 samples; 26460 expected"):
        list(source_rows(corpus, listed))


def test_an_utterance_shorter_than_a_frame_is_refused(encodec):
    with pytest.raises(AudioError, match="tiny: 63 samples; at least 64"):
        through_codec(np.zeros(63, np.float32), 16000, encodec, "tiny")


def test_a_codec_that_gives_nan_is_caught(identity, speech, monkeypatch):
    monkeypatch.setattr(identity, "resynthesise", lambda waveforms: waveforms * float("nan"))
    with pytest.raises(AudioError, match="u1 after the codec: sample 0 is nan"):
        through_codec(speech(), 16000, identity, "u1")


@pytest.mark.parametrize(("rate", "length"), [(16000, 8000), (44100, 22051), (96000, 48001)])
def test_a_file_keeps_its_length_at_the_codecs_rate(rate, length, encodec, speech, tmp_path):
    audio.write_wav(tmp_path / "in.wav", speech(1.0, rate)[:length], rate)
    resynthesise_file(tmp_path / "in.wav", tmp_path / "out.wav", encodec)
    samples, out_rate = audio.read(tmp_path / "out.wav")
    assert (len(samples), out_rate) == (audio.resampled_length(length, rate, 16000), 16000)
