"""Corpora: a user's folder, the Debian voices, the split by speaker, the stable subset."""

import random
import re
import shutil

import numpy as np
import pytest
import soundfile

from codecfake import corpora
from codecfake.corpora import Utterance, base, voices
from codecfake.corpora.voices import VoicesCorpus
from codecfake.errors import AudioError, ConfigError, DataError
from codecfake.files import sha256

SPEAKERS = ["a", "b", "c", "d"]


def write(path, samples, sample_rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sample_rate)


def open_folder(path):
    return corpora.open_corpus({"name": "folder", "path": str(path)}, {}, path)


def utterance(number, speaker="a"):
    return Utterance(f"{speaker}_{number:03}", speaker, 16000, 16000, "x.wav")


def assert_described_as_read(corpus):
    for found in corpus.utterances():
        samples = corpus.read(found)
        assert (samples.dtype, len(samples)) == (np.float32, found.num_samples), found


def test_an_unknown_corpus_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ConfigError, match="unknown corpus 'timit'; allowed: voices, folder"):
        corpora.open_corpus({"name": "timit"}, {}, tmp_path)


def test_a_folder_of_mixed_formats_is_a_corpus(tmp_path, speech):
    write(tmp_path / "s1" / "a.wav", speech(0.2))
    write(tmp_path / "s1" / "b.flac", np.stack([speech(0.3, 44100)] * 2, axis=1), 44100)
    write(tmp_path / "s2" / "a.mp3", speech(1.0, 24000), 24000)
    write(tmp_path / "s2" / "C.WAV", speech(0.2, 8000), 8000)
    write(tmp_path / "s2" / "d.ogg", speech(0.5))
    (tmp_path / "s2" / "notes.txt").write_text("not audio")
    corpus = open_folder(tmp_path)
    found = {u.utterance_id: (u.speaker_id, u.sample_rate) for u in corpus.utterances()}
    assert list(found) == ["s1_a", "s1_b", "s2_C", "s2_a", "s2_d"]
    assert list(found.values()) == [("s1", 16000), ("s1", 44100), ("s2", 8000), ("s2", 24000), ("s2", 16000)]
    assert_described_as_read(corpus)


@pytest.mark.parametrize(("first", "second"), [("s/a.wav", "s/a.flac"), ("s/a_b.wav", "s_a/b.wav")])
def test_two_files_of_one_id_are_both_named(tmp_path, speech, first, second):
    for name in (first, second):
        write(tmp_path / name, speech(0.1))
    with pytest.raises(DataError, match=r"utterance id 's_a\w*' is also that of") as error:
        open_folder(tmp_path).utterances()
    assert str(tmp_path / first) in str(error.value)
    assert str(tmp_path / second) in str(error.value)


def test_a_folder_without_audio_is_refused_with_what_is_expected(tmp_path, speech):
    write(tmp_path / "not_in_a_speakers_folder.wav", speech(0.1))
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: no audio found; expected SPEAKER/NAME{{.wav,")):
        open_folder(tmp_path).utterances()


def test_a_corpus_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"corpus\.path: .*gone is no directory"):
        open_folder(tmp_path / "gone")


def test_a_corrupt_recording_is_refused_by_name(tmp_path, speech):
    write(tmp_path / "s" / "a.wav", speech(0.1))
    (tmp_path / "s" / "b.flac").write_bytes(b"no audio")
    with pytest.raises(AudioError, match=r"b\.flac: cannot be decoded"):
        open_folder(tmp_path).utterances()


def test_a_split_left_out_takes_the_other_speakers():
    split_of = base.split_of_speakers(["d", "b", "a", "c", "a"], {"dev": ["b"], "eval": ["d"]})
    assert split_of == {"a": "train", "b": "dev", "c": "train", "d": "eval"}


def test_splits_may_name_every_speaker():
    split_of = base.split_of_speakers(SPEAKERS, {"train": ["a", "b"], "dev": ["c"], "eval": ["d"]})
    assert split_of == {"a": "train", "b": "train", "c": "dev", "d": "eval"}


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"dev": ["a"], "eval": ["b", "a"]}, "speaker 'a' is in both 'dev' and 'eval'"),
        ({"dev": ["a"], "eval": ["z"]}, "splits.eval: unknown speaker 'z'; allowed: a, b, c, d"),
        ({"train": ["a"], "dev": ["b"], "eval": ["d"]}, "speaker 'c' is in no split"),
        ({"eval": ["d"]}, "speaker 'a' is in no split; name it, or leave out exactly one of train, dev, eval"),
        ({"dev": ["a", "b"], "eval": ["c", "d"]}, "'train' has no speaker; each of train, dev, eval needs one"),
        ({"train": SPEAKERS, "dev": [], "eval": []}, "'dev' has no speaker"),
    ],
)
def test_a_wrong_split_is_refused_with_the_speaker_and_what_is_allowed(splits, message):
    with pytest.raises(DataError) as error:
        base.split_of_speakers(SPEAKERS, splits)
    assert message in str(error.value)


def test_a_subset_is_the_same_in_any_order():
    everything = [utterance(number, speaker) for speaker in "ab" for number in range(50)]
    split_of = {"a": "train", "b": "dev"}
    chosen = base.subset(everything, {"train": 10}, split_of)
    shuffled = random.Random(0).sample(everything, len(everything))
    assert base.subset(shuffled, {"train": 10}, split_of) == chosen
    assert [u.speaker_id for u in chosen] == ["a"] * 10 + ["b"] * 50
    assert chosen[:10] != everything[:10]


def test_utterances_added_to_one_speaker_leave_the_others_choice():
    split_of, per_speaker = {"a": "train", "b": "train"}, {"train": 10}
    everything = [utterance(number, speaker) for speaker in "ab" for number in range(50)]
    more = [*everything, *(utterance(number, "b") for number in range(50, 60))]
    before, after = (base.subset(members, per_speaker, split_of) for members in (everything, more))
    assert [u for u in after if u.speaker_id == "a"] == [u for u in before if u.speaker_id == "a"]
    # of b's old choice, those a new one does not push out stay
    assert {u.utterance_id for u in after} - {u.utterance_id for u in before} <= {f"b_{n:03}" for n in range(50, 60)}


STAMPS = "usr/share/tuxpaint/stamps"
SOUNDS = "usr/share/asterisk/sounds"


@pytest.fixture
def unpacked(tmp_path, speech, write_g722):
    """The folder of the unpacked packages, with a few recordings; two are too short, one is too long."""
    root = tmp_path / "unpacked"
    stamps, sounds = root / voices.TUXPAINT / STAMPS, root / "asterisk-core-sounds-fr-g722" / SOUNDS
    for name, seconds in (("animals/cat", 1.5), ("animals/short", 0.9), ("food/long", 6.1)):
        write(stamps / f"{name}_desc_fr.ogg", speech(seconds, 22050), 22050)
    write(stamps / "animals/cat_desc_el.ogg", speech(2.0, 44100), 44100)
    write(stamps / "animals/cat_desc_xx.ogg", speech(2.0))
    write(stamps / "animals/cat.ogg", speech(2.0))
    write_g722(sounds / "fr_CA_f_June/vm-hello.g722", speech(1.0))
    write_g722(sounds / "fr_CA_f_June/digits/day-1.g722", speech(2.5))
    write_g722(sounds / "fr_CA_f_June/digits/1.g722", speech(0.5))
    return root


def test_voices_are_the_recordings_of_1_to_6_s_of_the_known_languages(unpacked):
    found = {u.utterance_id: (u.speaker_id, u.sample_rate) for u in VoicesCorpus(unpacked).utterances()}
    assert found == {
        "asterisk-fr_digits-day-1": ("asterisk-fr", 16000),
        "asterisk-fr_vm-hello": ("asterisk-fr", 16000),
        "tuxpaint-el_animals-cat": ("tuxpaint-el", 44100),
        "tuxpaint-fr_animals-cat": ("tuxpaint-fr", 22050),
    }
    assert list(found) == sorted(found)
    assert_described_as_read(VoicesCorpus(unpacked))


def test_voices_come_out_of_fetched_packages(unpacked, build_deb, tmp_path):
    packages = [voices.TUXPAINT, *(f"asterisk-core-sounds-{language}-g722" for language in voices.ASTERISK_LANGUAGES)]
    downloads = {}
    for package in packages:
        files = [path for path in (unpacked / package).rglob("*") if path.is_file()]
        deb = tmp_path / "mirror" / "debian" / f"{package}.deb"
        build_deb(deb, {path.relative_to(unpacked / package).as_posix(): path.read_bytes() for path in files})
        described = {"bytes": deb.stat().st_size, "sha256": sha256(deb)}
        downloads[f"debian/{package}.deb"] = {**described, "apt": {"package": package, "version": "1.0"}}
    arguments = ({"name": "voices"}, downloads, tmp_path / "cache")
    opened = corpora.open_corpus(*arguments, str(tmp_path / "mirror"))
    assert opened.utterances() == VoicesCorpus(unpacked).utterances() != []
    assert_described_as_read(opened)
    shutil.rmtree(tmp_path / "mirror")
    assert corpora.open_corpus(*arguments).utterances() == opened.utterances()
