"""Released sets: the same clips in every layout, and errors for invalid sets."""

import random
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codecfake.audio import io as audio
from codecfake.corpora.released import open_set
from codecfake.data.shards import shard_row, write_shard
from codecfake.pipeline import config
from codecfake.util.errors import AudioError, ConfigError, DataError
from damage import damaged
from released_set import LAYOUTS, RATES, UTTERANCES, make_content, ours, write_folder, write_published, write_zips

CODECS = ["identity", "descript-audio-codec-44khz", "encodec_24khz"]


@pytest.fixture(scope="module")
def content(speech):
    return make_content(speech)


@pytest.fixture(scope="module", params=LAYOUTS)
def written(request, content, tmp_path_factory) -> Path:
    """The set in each layout."""
    path = tmp_path_factory.mktemp("sets") / request.param
    LAYOUTS[request.param](path, content)
    return path


def test_every_layout_has_the_same_codecs_and_clips(written):
    found = open_set(written)
    assert found.codecs == CODECS
    for codec in CODECS:
        label = "bonafide" if codec == "identity" else "spoof"
        described = [(clip.codec_name, clip.utterance_id, clip.speaker_id, clip.label) for clip in found.clips(codec)]
        assert described == [(codec, name, name.partition("_")[0], label) for name in sorted(UTTERANCES)]


def test_every_layout_has_the_same_samples(written, content):
    found = open_set(written)
    for codec, rate in RATES.items():
        for clip in found.clips(ours(codec)):
            expected, _ = audio.decode(content[codec, clip.utterance_id], "")
            if written.name == "shards":
                expected = audio.from_pcm16(audio.to_pcm16(expected))
            else:
                assert clip.read() == content[codec, clip.utterance_id]
            samples, found_rate = audio.decode(clip.read(), clip.name)
            assert found_rate == rate
            np.testing.assert_array_equal(samples, expected)


def test_clips_are_read_in_any_order_from_several_threads(written):
    found = open_set(written)
    clips = [clip for codec in CODECS for clip in found.clips(codec)] * 3
    alone = {clip.name: clip.read() for clip in clips}
    assert len(set(alone.values())) == len(alone) == len(CODECS) * len(UTTERANCES)
    random.Random(0).shuffle(clips)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda clip: clip.read(), clips)) == [alone[clip.name] for clip in clips]


def test_positions_follow_the_storage_order(tmp_path, content):
    write_published(tmp_path, content)
    lying = sorted(open_set(tmp_path).clips("encodec_24khz"), key=lambda clip: clip.position)
    assert tuple(clip.utterance_id for clip in lying) == UTTERANCES


def test_single_archive_or_parquet_file_is_a_set(tmp_path, content):
    write_zips(tmp_path, content)
    write_published(tmp_path, content)
    assert open_set(tmp_path / "encodec_24khz.zip").codecs == ["encodec_24khz"]
    assert open_set(tmp_path / "data/train-00001-of-00002.parquet").codecs == CODECS[1:]


def test_official_samples_have_16_codecs_with_2_utterances(shared):
    found = open_set(shared / "data/codecfake-samples")
    assert found.codecs == ["identity", *sorted(config.load_yaml(config.CONFIG / "config.yaml")["codecs"])]
    for codec in found.codecs:
        assert [(clip.utterance_id, clip.speaker_id) for clip in found.clips(codec)] == [
            ("p225_273", "p225"),
            ("p295_144", "p295"),
        ]
    assert audio.decode(found.clips("descript-audio-codec-44khz")[0].read(), "")[0].shape == (282439,)


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("c+p225_001.wav", "p225"),
        ("c/c+anna_take_1.flac", "anna_take"),
        ("c+p225_001_mic1.flac", "p225"),
        ("carla/c+hello.wav", "carla"),
        ("c/c+hello.WAV", "hello"),
        ("c+hello.wav", "hello"),
    ],
)
def test_speaker_is_taken_from_file_name_or_folder(tmp_path, name, speaker):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (clip,) = open_set(tmp_path).clips("c")
    assert clip.speaker_id == speaker


def touch(folder, *names):
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize("pattern", [r"([a-z]+)-", "[a-z]+"])
def test_pattern_finds_the_speaker(tmp_path, pattern):
    touch(tmp_path, "c+anna-1_a.wav", "c+ben-1_b.wav")
    assert [clip.speaker_id for clip in open_set(tmp_path, pattern).clips("c")] == ["anna", "ben"]


def test_utterance_that_the_pattern_does_not_match_is_named(tmp_path):
    touch(tmp_path, "c+anna-1.wav", "c+7.wav")
    with pytest.raises(DataError, match=r"c\+7\.wav: utterance '7' does not match speaker_pattern '\[a-z\]\+'"):
        open_set(tmp_path, "[a-z]+")


def test_pattern_that_is_no_regular_expression_is_refused(tmp_path):
    touch(tmp_path, "c+anna-1.wav")
    with pytest.raises(ConfigError, match=r"speaker_pattern '\(': not a regular expression"):
        open_set(tmp_path, "(")


def test_set_in_which_every_utterance_has_its_own_speaker_is_reported(tmp_path, capsys):
    touch(tmp_path, *(f"c+{number}.wav" for number in range(9)))
    open_set(tmp_path)
    assert capsys.readouterr().err == ""
    touch(tmp_path, "c+9.wav")
    open_set(tmp_path)
    assert capsys.readouterr().err == (
        f"{tmp_path}: 10 speakers of 10 utterances, such as '0'; if these are no speakers, give speaker_pattern\n"
    )


def test_hidden_and_non_audio_files_are_ignored(tmp_path, content):
    write_folder(tmp_path, content)
    shutil.copytree(tmp_path / "genuine", tmp_path / ".001.parquet.pieces")
    (tmp_path / "genuine/._genuine+p225_001.wav").touch()
    (tmp_path / "notes.txt").touch()
    assert [clip.utterance_id for clip in open_set(tmp_path).clips("identity")] == sorted(UTTERANCES)


def test_path_without_audio_is_refused_with_the_expected_names(tmp_path):
    (tmp_path / "speech.txt").touch()
    for path in (tmp_path, tmp_path / "speech.txt"):
        with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: no audio found; looked for CODEC\+UTTERANCE"):
            open_set(path)
    with pytest.raises(DataError, match="gone: no such file or folder"):
        open_set(tmp_path / "gone")


def test_missing_codec_is_refused_with_available_codecs(written):
    with pytest.raises(DataError, match="no codec 'lyra'; it has identity, descript-audio-codec-44khz, encodec_24khz"):
        open_set(written).clips("lyra")


@pytest.mark.parametrize("name", ["p225_001.wav", "+p225_001.wav", "encodec+.flac"])
def test_file_name_without_codec_or_utterance_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / name}: file name {name!r} has no codec and utt")):
        open_set(tmp_path)


def test_duplicate_clips_are_both_named(written, content, tmp_path):
    again = tmp_path / written.name
    for name in ("a", "b"):
        LAYOUTS[written.name](again / name, content)
    a, b = re.escape(str(again / "a")), re.escape(str(again / "b"))
    with pytest.raises(DataError, match=rf"^{a}/.* and {b}/.* are both utterance 'p225_001' of codec '"):
        open_set(again)


def test_mixed_layouts_are_refused(tmp_path, content):
    write_folder(tmp_path, content)
    write_zips(tmp_path, content)
    with pytest.raises(DataError, match=r"zip archives \(.*zip\), audio files \(.*wav\); a released set is of one"):
        open_set(tmp_path)


@pytest.mark.parametrize(("name", "message"), [("a.zip", "not a readable zip"), ("a.parquet", "not a readable Parq")])
def test_file_whose_content_contradicts_its_suffix_is_refused(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"an error page instead")
    with pytest.raises(DataError, match=f"{name}: {message}"):
        open_set(tmp_path)


@pytest.mark.parametrize(
    ("layout", "name", "mark", "lost"),
    [
        ("zips", "encodec_24khz.zip", "p225_002.wavRIFF", ["p225_002"]),
        # the checksum of a shard covers a complete page
        ("shards", "encodec_24khz/001.parquet", "fLaC", ["p225_001", "p226_002"]),
    ],
)
def test_damaged_audio_is_reported_only_when_read(tmp_path, content, layout, name, mark, lost):
    LAYOUTS[layout](tmp_path, content)
    file = tmp_path / name
    file.write_bytes(damaged(file.read_bytes(), mark, 1000))
    for clip in open_set(tmp_path).clips("encodec_24khz"):
        if clip.utterance_id in lost:
            with pytest.raises(AudioError, match=file.name):
                clip.read()
        else:
            clip.read()


def write_row(path: Path, **changed) -> None:
    """Write a Parquet file with one row, an utterance of encodec_24khz, with some columns changed."""
    row = {
        "audio": {"bytes": b"RIFF", "path": "encodec_24khz+p225_001.wav"},
        "label": "spoofing",
        "speaker_id": "p225",
        "codec_name": "encodec_24khz",
    }
    pq.write_table(pa.Table.from_pylist([row | changed]), path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": "fake"}, "row 0: label 'fake'; allowed: genuine, bonafide, spoofing, spoof"),
        ({"label": 1}, "row 0: label 1; allowed: genuine"),
        ({"codec_name": "genuine"}, "row 0: 'spoofing' of codec 'genuine'; a spoof must name its codec"),
        ({"codec_name": None}, "row 0: 'spoofing' of codec ''"),
        ({"audio": {"bytes": b"RIFF", "path": None}}, "row 0: file name '' has no codec and utterance"),
        ({"audio": b"RIFF"}, "no column audio.bytes, audio.path; a released set has audio.bytes, audio.path, label"),
    ],
)
def test_row_with_invalid_metadata_is_refused(tmp_path, changed, message):
    write_row(tmp_path / "a.parquet", **changed)
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'a.parquet'}: {message}")):
        open_set(tmp_path)


def test_row_without_speaker_takes_it_from_the_file_name(tmp_path):
    write_row(tmp_path / "a.parquet", speaker_id=None)
    assert open_set(tmp_path).clips("encodec_24khz")[0].speaker_id == "p225"


def test_row_without_audio_is_reported_when_read(tmp_path):
    write_row(tmp_path / "a.parquet", audio={"bytes": None, "path": "encodec_24khz+p225_001.wav"})
    with pytest.raises(AudioError, match=r"a\.parquet: row 0: no audio in it"):
        open_set(tmp_path).clips("encodec_24khz")[0].read()


def test_label_and_not_codec_name_decides_what_is_bona_fide(tmp_path):
    write_row(tmp_path / "a.parquet", label="genuine", codec_name="VCTK")
    assert open_set(tmp_path).codecs == ["identity"]


def test_ids_of_shards_are_not_taken_from_file_names(tmp_path, speech):
    known = {"label": "spoof", "speaker_id": "anna", "utterance_id": "anna_a+b_1", "codec_name": "dac_mini"}
    write_shard(tmp_path / "000.parquet", [shard_row(speech(0.1), 16000, **known)])
    (clip,) = open_set(tmp_path).clips("dac_mini")
    assert (clip.utterance_id, clip.speaker_id) == ("anna_a+b_1", "anna")
