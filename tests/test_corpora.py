"""Corpora: a user's folder and the Debian voices."""

import re
import shutil

import numpy as np
import pytest
import soundfile

from codecfake import corpora
from codecfake.corpora import voices
from codecfake.corpora.voices import VoicesCorpus
from codecfake.fetch.download import Places
from codecfake.util.errors import ConfigError, DataError, DownloadError
from codecfake.util.hashing import sha256


def write(path, samples, sample_rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sample_rate)


def open_folder(path):
    return corpora.open_corpus({"name": "folder", "path": str(path)}, {}, Places(path))


def rates(corpus):
    """Return speaker and sample rate of each recording, by id."""
    return {
        recording.utterance_id: (recording.speaker_id, corpus.read(recording)[1]) for recording in corpus.recordings()
    }


def test_an_unknown_corpus_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ConfigError, match="'timit' is not allowed; allowed: codecfake, folder, vctk, voices"):
        corpora.open_corpus({"name": "timit"}, {}, Places(tmp_path))


def test_a_folder_of_mixed_formats_is_a_corpus(tmp_path, speech):
    write(tmp_path / "s1" / "a.wav", speech(0.2))
    write(tmp_path / "s1" / "b.flac", np.stack([speech(0.3, 44100)] * 2, axis=1), 44100)
    write(tmp_path / "s2" / "a.mp3", speech(1.0, 24000), 24000)
    write(tmp_path / "s2" / "C.WAV", speech(0.2, 8000), 8000)
    write(tmp_path / "s2" / "d.ogg", speech(0.5))
    (tmp_path / "s2" / "notes.txt").write_text("not audio")
    corpus = open_folder(tmp_path)
    found = rates(corpus)
    assert list(found) == ["s1_a", "s1_b", "s2_C", "s2_a", "s2_d"]
    assert list(found.values()) == [("s1", 16000), ("s1", 44100), ("s2", 8000), ("s2", 24000), ("s2", 16000)]
    samples, _ = corpus.read(corpus.recordings()[0])
    assert (samples.dtype, samples.shape) == (np.float32, (3200,))


@pytest.mark.parametrize(("first", "second"), [("s/a.wav", "s/a.flac"), ("s/a_b.wav", "s_a/b.wav")])
def test_two_files_of_one_id_are_both_named(tmp_path, speech, first, second):
    for name in (first, second):
        write(tmp_path / name, speech(0.1))
    with pytest.raises(DataError, match=r"utterance id 's_a\w*' is also that of") as error:
        open_folder(tmp_path).recordings()
    assert str(tmp_path / first) in str(error.value)
    assert str(tmp_path / second) in str(error.value)


def test_a_folder_without_audio_is_refused_with_what_is_expected(tmp_path, speech):
    write(tmp_path / "not_in_a_speakers_folder.wav", speech(0.1))
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: no audio found; expected SPEAKER/NAME{{.wav,")):
        open_folder(tmp_path).recordings()


def test_a_corpus_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"corpus\.path: .*gone is not a directory"):
        open_folder(tmp_path / "gone")


STAMPS = "usr/share/tuxpaint/stamps"
SOUNDS = "usr/share/asterisk/sounds"


@pytest.fixture
def unpacked(tmp_path, speech, write_g722):
    """The folder of the unpacked packages with a few recordings: two are too short, one is too long."""
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
    write_g722(sounds / "fr_CA_f_June/silence/2.g722", 0 * speech(2.0))
    return root


def test_voices_are_the_recordings_of_1_to_6_s_of_the_known_languages(unpacked):
    found = rates(VoicesCorpus(unpacked))
    assert found == {
        "asterisk-fr_digits-day-1": ("asterisk-fr", 16000),
        "asterisk-fr_vm-hello": ("asterisk-fr", 16000),
        "tuxpaint-el_animals-cat": ("tuxpaint-el", 44100),
        "tuxpaint-fr_animals-cat": ("tuxpaint-fr", 22050),
    }
    assert list(found) == sorted(found)


def test_voices_come_out_of_fetched_packages(unpacked, build_deb, tmp_path):
    packages = [voices.TUXPAINT, *(f"asterisk-core-sounds-{language}-g722" for language in voices.ASTERISK_LANGUAGES)]
    downloads = {}
    for package in packages:
        files = [path for path in (unpacked / package).rglob("*") if path.is_file()]
        deb = tmp_path / "mirror" / "debian" / f"{package}.deb"
        build_deb(deb, {path.relative_to(unpacked / package).as_posix(): path.read_bytes() for path in files})
        described = {"bytes": deb.stat().st_size, "sha256": sha256(deb)}
        downloads[f"debian/{package}.deb"] = {**described, "debian": {"path": f"pool/{package}.deb", "sha1": "0" * 40}}
    assert corpora.files({"name": "voices"}, Places(tmp_path / "cache")) == list(downloads)
    opened = corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path / "cache", str(tmp_path / "mirror")))
    assert opened.recordings() == VoicesCorpus(unpacked).recordings() != []
    assert rates(opened) == rates(VoicesCorpus(unpacked))
    shutil.rmtree(tmp_path / "mirror")
    again = corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path / "cache", offline=True))
    assert again.recordings() == opened.recordings()


def test_if_a_package_cannot_be_had_every_one_that_is_missing_is_named(tmp_path):
    downloads = {
        key: {"debian": {"path": f"pool/{key}", "sha1": "0" * 40}, "bytes": number, "sha256": f"{number:064x}"}
        for number, key in enumerate(corpora.files({"name": "voices"}, Places(tmp_path)))
    }
    assert len(downloads) == 5
    with pytest.raises(DownloadError) as error:
        corpora.open_corpus({"name": "voices"}, downloads, Places(tmp_path, offline=True))
    for key, entry in downloads.items():
        assert f"{tmp_path / key} ({entry['bytes']} bytes, sha256 {entry['sha256']})" in str(error.value)
    assert "corpus: {name: folder, path: …}" in str(error.value)
