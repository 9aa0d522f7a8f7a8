"""A released set instead of resynthesis: genuine utterances as the corpus, bit-identical clips as shards."""

import io
import json
import re
import shutil

import numpy as np
import pytest
import soundfile

from codecfake import corpora
from codecfake.audio import io as audio
from codecfake.cli.main import parser
from codecfake.corpora.packing import source_rows
from codecfake.corpora.released import open_set
from codecfake.corpora.validation import list_utterances
from codecfake.data.shards import Shard, decode_row, shard_row, write_shard
from codecfake.fetch.download import Places
from codecfake.resynthesis.ingest import ingest_shard
from codecfake.resynthesis.matching import Matching, match
from codecfake.util.errors import AudioError, DataError
from damage import damaged
from released_set import LAYOUTS, RATES, UTTERANCES, encode, make_content, write_folder, write_published, write_zips

CODEC = "encodec_24khz"


@pytest.fixture(scope="module")
def content(speech):
    return make_content(speech)


def open_corpus(path):
    return corpora.open_corpus({"name": "codecfake", "path": str(path)}, {}, Places(path))


def write_source(path, corpus, order=reversed):
    """Write a source shard of a corpus that is not sorted by utterance."""
    utterances = list_utterances(corpus, corpus.recordings(), "fail", 1).utterances
    write_shard(path, source_rows(corpus, list(order(utterances))))
    return path


@pytest.fixture
def folder(tmp_path, content):
    """The set as a folder of files."""
    write_folder(tmp_path / "set", content)
    return tmp_path / "set"


@pytest.fixture
def source(folder, tmp_path):
    return write_source(tmp_path / "source.parquet", open_corpus(folder))


def ingested(source, path, codec=CODEC, label="spoof", matching=None):
    """Ingest the shard of a codec and return its rows."""
    target = source.parent / "out" / f"{codec}.parquet"
    ingest_shard(source, target, open_set(path), codec, label, matching)
    return list(Shard(target))


def int16(data):
    return soundfile.read(io.BytesIO(data), dtype="int16")[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_genuine_utterances_of_a_set_are_a_corpus(layout, tmp_path, content):
    LAYOUTS[layout](tmp_path / "set", content)
    corpus = open_corpus(tmp_path / "set")
    found = [(recording.utterance_id, recording.speaker_id) for recording in corpus.recordings()]
    assert found == [(name, name.partition("_")[0]) for name in sorted(UTTERANCES)]
    for recording in corpus.recordings():
        assert recording.source.startswith("set/")
        samples, rate = corpus.read(recording)
        expected, _ = audio.decode(content["genuine", recording.utterance_id], "")
        assert (samples.dtype, rate) == (np.float32, 16000)
        np.testing.assert_allclose(samples, expected, atol=0 if layout != "shards" else 0.5 / audio.PCM16_FULL_SCALE)


def test_set_without_genuine_utterances_is_refused_as_corpus(folder):
    shutil.rmtree(folder / "genuine")
    with pytest.raises(DataError, match=re.escape(f"{folder}: no bona fide utterances; codecs found: descript-audio")):
        open_corpus(folder)


def test_damaged_recording_of_the_corpus_is_named(tmp_path, content):
    write_zips(tmp_path, content)
    archive = tmp_path / "genuine.zip"
    archive.write_bytes(damaged(archive.read_bytes(), "p225_001.wavRIFF", 1000))
    corpus = open_corpus(archive)
    with pytest.raises(AudioError, match=r"genuine\.zip: member genuine\+p225_001\.wav is corrupt"):
        list_utterances(corpus, corpus.recordings(), "fail", 1)
    assert len(list_utterances(corpus, corpus.recordings(), "skip", 1).utterances) == len(UTTERANCES) - 1


@pytest.mark.parametrize("codec", [codec for codec in RATES if codec != "genuine"])
def test_ingested_samples_are_bit_identical(source, folder, content, codec):
    rows = ingested(source, folder, codec)
    assert [row["utterance_id"] for row in rows] == sorted(UTTERANCES, reverse=True)
    for row in rows:
        np.testing.assert_array_equal(int16(row["audio"]["bytes"]), int16(content[codec, row["utterance_id"]]))
        assert (row["label"], row["codec_name"], row["sample_rate"]) == ("spoof", codec, RATES[codec])
        assert row["speaker_id"] == row["utterance_id"].partition("_")[0]


def test_ingested_official_samples_are_bit_identical(shared, tmp_path):
    path = shared / "data/codecfake-samples"
    released = open_set(path)
    source = write_source(tmp_path / "source.parquet", open_corpus(path))
    for codec in released.codecs[1:]:
        for row, clip in zip(reversed(ingested(source, path, codec)), released.clips(codec), strict=True):
            np.testing.assert_array_equal(int16(row["audio"]["bytes"]), int16(clip.read()))


def test_bona_fide_shard_is_the_source_at_16_khz(tmp_path, speech, folder):
    known = {"label": "bonafide", "speaker_id": "p225", "codec_name": "source"}
    rows = [
        shard_row(speech(0.4, rate), rate, utterance_id=f"p225_{number:03}", **known)
        for number, rate in enumerate((16000, 48000))
    ]
    write_shard(tmp_path / "source.parquet", rows)
    found = ingested(tmp_path / "source.parquet", folder, "identity", "bonafide")
    assert [(row["sample_rate"], row["num_samples"], row["label"]) for row in found] == [(16000, 6400, "bonafide")] * 2
    assert found[0]["audio"]["bytes"] == rows[0]["audio"]["bytes"]
    expected = audio.resample(*decode_row(rows[1]), 16000)
    np.testing.assert_array_equal(int16(found[1]["audio"]["bytes"]), audio.to_pcm16(expected))


@pytest.mark.parametrize("codec", ["identity", CODEC])
def test_matched_shard_equals_match_of_each_pair(source, folder, content, codec):
    matching = Matching(level_dbfs=-30.0)
    rows = ingested(source, folder, codec, matching=matching)
    for row, of in zip(rows, Shard(source), strict=True):
        reference, _ = decode_row(of)
        samples, rate = audio.decode(content[CODEC, row["utterance_id"]], "")
        if codec == "identity":
            samples, rate = reference, 16000
        expected = match(samples, rate, reference, matching)
        np.testing.assert_array_equal(int16(row["audio"]["bytes"]), audio.to_pcm16(expected))
        assert row["sample_rate"] == 16000


def test_every_layout_gives_the_same_bytes(source, folder, tmp_path, content):
    write_zips(tmp_path / "zips", content)
    write_published(tmp_path / "parquet", content)  # with the utterances in another order
    expected = ingested(source, folder)
    shard = (tmp_path / f"out/{CODEC}.parquet").read_bytes()
    for path in (tmp_path / "zips", tmp_path / "parquet"):
        assert ingested(source, path) == expected
        assert (tmp_path / f"out/{CODEC}.parquet").read_bytes() == shard
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{CODEC}.parquet"]


def test_missing_clips_are_counted_and_the_first_is_named(source, folder):
    for utterance in ("p226_002", "p225_001"):
        (folder / CODEC / f"{CODEC}+{utterance}.wav").unlink()
    message = f"{folder}: codec '{CODEC}' has no utterance 'p226_002'; of the 5 of {source} it lacks 2"
    with pytest.raises(DataError, match=re.escape(message)):
        ingested(source, folder)


def test_codec_that_is_not_in_the_set_is_refused(source, folder):
    with pytest.raises(DataError, match="no codec 'lyra'; it has identity, descript-audio-codec-44khz, encodec_24khz"):
        ingested(source, folder, "lyra")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"an error page instead", "cannot be decoded as audio"),
        (encode(np.zeros(0, np.float32), 24000, "PCM_16"), "the audio is empty"),
        (encode(np.full(9, np.nan, np.float32), 24000, "FLOAT"), "sample 0 is nan"),
    ],
)
def test_unusable_clip_is_named_and_no_shard_is_written(source, folder, data, message):
    bad = folder / CODEC / f"{CODEC}+p225_002.wav"
    bad.write_bytes(data)
    with pytest.raises(AudioError, match=re.escape(f"{bad}: {message}")):
        ingested(source, folder)
    assert list((source.parent / "out").iterdir()) == []


def test_verb_equals_the_function(source, folder, tmp_path):
    matched = json.dumps({"level_dbfs": -30.0})
    for recipe, options, matching in (
        ("published", [], None),
        ("matched", ["--matched", matched], Matching(level_dbfs=-30.0)),
    ):
        line = ["ingest-shard", "--set", folder, "--codec", CODEC, "--label", "spoof"]
        line += ["--recipe", recipe, *options, "--source", source, "--out", tmp_path / "verb.parquet"]
        args = parser().parse_args(list(map(str, line)))
        args.run(args)
        assert list(Shard(tmp_path / "verb.parquet")) == ingested(source, folder, matching=matching)
