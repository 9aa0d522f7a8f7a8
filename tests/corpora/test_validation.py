"""Recordings are read before any computation: all errors are reported together, or skipped and counted."""

import re

import numpy as np
import pytest
import soundfile

from codecfake.audio import io as audio
from codecfake.corpora import LeftOut, Utterance, validation
from codecfake.corpora.folder import FolderCorpus
from codecfake.corpora.validation import list_utterances
from codecfake.util.errors import AudioError

BAD = ("a_cut", "a_empty", "a_nan", "a_noise", "b_short")


@pytest.fixture
def corpus(tmp_path, speech):
    for speaker in "ab":
        for number in range(3):
            audio.write(tmp_path / speaker / f"{number}.wav", speech(0.3, 24000, number), 24000)
    samples = speech(0.3)
    whole = audio.encode(samples, 16000, "WAV")
    (tmp_path / "a" / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a" / "empty.flac").write_bytes(b"")
    (tmp_path / "a" / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(5000))
    samples[7] = np.nan
    soundfile.write(tmp_path / "a" / "nan.wav", samples, 16000, subtype="FLOAT")
    audio.write(tmp_path / "b" / "short.wav", speech(0.09), 16000)
    return FolderCorpus(tmp_path)


def test_all_bad_recordings_are_reported_together_with_advice(corpus):
    with pytest.raises(AudioError) as error:
        list_utterances(corpus, corpus.recordings(), "fail", 2)
    head, *bad, advice = str(error.value).splitlines()
    assert head == "5 of 11 recordings cannot be used:"
    expected = ["cut.wav: .* cut short", "empty.flac: cannot be", "nan.wav: sample 7 is nan", "noise.mp3: cannot be"]
    for line, pattern in zip(bad, [*expected, r"b/short.wav: 1440 samples at 16000 Hz; at least 0.1 s"], strict=True):
        assert re.search(pattern, line), line
    assert "`on_bad_audio: skip`" in advice


def test_long_list_of_bad_recordings_is_truncated(corpus, monkeypatch):
    monkeypatch.setattr(validation, "LISTED", 2)
    with pytest.raises(AudioError, match="and 3 more"):
        list_utterances(corpus, corpus.recordings(), "fail", 1)


@pytest.mark.parametrize("workers", [1, 4])
def test_bad_recordings_are_skipped_and_listed_on_request(corpus, workers, capsys):
    found = list_utterances(corpus, corpus.recordings(), "skip", workers)
    assert [item.utterance_id for item in found.left_out] == list(BAD)
    reason = "a/nan.wav: sample 7 is nan; only finite samples are allowed"
    assert found.left_out[2] == LeftOut("a_nan", "a", reason)
    assert not any("0x" in item.reason for item in found.left_out)
    assert found.utterances[0] == Utterance("a_0", "a", "a/0.wav", 24000, 7200)
    assert [utterance.utterance_id for utterance in found.utterances] == ["a_0", "a_1", "a_2", "b_0", "b_1", "b_2"]
    assert "5 of 11 recordings left out:\n" in capsys.readouterr().err


def test_texts_are_normalised_to_one_line(corpus, monkeypatch):
    monkeypatch.setattr(FolderCorpus, "text", lambda self, recording: "Please call\tStella. \n\n")
    assert list_utterances(corpus, corpus.recordings()[:1], "fail", 1).utterances[0].text == "Please call Stella."


def test_io_errors_are_not_skipped(corpus, monkeypatch):
    def gone(self, recording):
        raise OSError(5, "Input/output error", recording.source)

    monkeypatch.setattr(FolderCorpus, "read", gone)
    with pytest.raises(OSError, match="Input/output error"):
        list_utterances(corpus, corpus.recordings(), "skip", 2)
