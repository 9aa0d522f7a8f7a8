"""A user's folder as a corpus, and corpora that do not exist."""

import re

import numpy as np
import pytest

from codecfake import corpora
from codecfake.fetch.download import Places
from codecfake.util.errors import ConfigError, DataError
from recordings import rates, write


def open_folder(path):
    return corpora.open_corpus({"name": "folder", "path": str(path)}, {}, Places(path))


def test_unknown_corpus_is_refused_with_allowed_values(tmp_path):
    with pytest.raises(ConfigError, match="'timit' is not allowed; allowed: codecfake, folder, vctk, voices"):
        corpora.open_corpus({"name": "timit"}, {}, Places(tmp_path))


def test_folder_of_mixed_formats_is_a_corpus(tmp_path, speech):
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
def test_files_with_the_same_id_are_both_named(tmp_path, speech, first, second):
    for name in (first, second):
        write(tmp_path / name, speech(0.1))
    with pytest.raises(DataError, match=r"utterance id 's_a\w*' is also that of") as error:
        open_folder(tmp_path).recordings()
    assert str(tmp_path / first) in str(error.value)
    assert str(tmp_path / second) in str(error.value)


def test_folder_without_audio_is_refused_with_the_expected_layout(tmp_path, speech):
    write(tmp_path / "not_in_a_speakers_folder.wav", speech(0.1))
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: no audio found; expected SPEAKER/NAME{{.wav,")):
        open_folder(tmp_path).recordings()


def test_corpus_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"corpus\.path: .*gone is not a directory"):
        open_folder(tmp_path / "gone")


def test_speaker_is_found_under_either_form_of_its_name(tmp_path, speech):
    for speaker in ("Jose\u0301", "x", "y"):
        write(tmp_path / speaker / "a.wav", speech(0.2))
    section = {"name": "folder", "path": str(tmp_path), "splits": {"dev": ["Jos\u00e9"], "eval": ["x"]}}
    resolved = corpora.options_of(section)(**section)
    corpus = open_folder(tmp_path)
    assert resolved.splits.dev == [corpus.recordings()[0].speaker_id] == ["Jos\u00e9"]
    assert len(corpus.read(corpus.recordings()[0])[0]) == 3200
