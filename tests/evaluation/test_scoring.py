"""CM scores: every trial once for any batch size, and a user's files of any sample rate and number of channels."""

import re

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from codecfake import detectors
from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.detectors.base import Detector
from codecfake.evaluation import metrics
from codecfake.evaluation.baseline_scoring import score_by_features, score_randomly
from codecfake.evaluation.scoring import audio_files, score_files, score_protocol
from codecfake.evaluation.tables import Scores
from codecfake.runtime.device import seed_all
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError
from tiny_run import ENTRY, MUFFLED, make_trials, waveforms_in


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    return make_trials(resynthesised, speech, {"train": 1, "dev": 1, "eval": 3}, per_speaker=5)


@pytest.fixture(scope="module")
def model() -> Detector:
    """A detector with random weights that gives different scores."""
    seed_all(3)
    return detectors.build(ENTRY).eval()


def expected_score(model, samples: np.ndarray) -> float:
    with torch.inference_mode():
        return float(model.cm_score(model(torch.from_numpy(samples[None, : model.crop_samples].copy())))[0])


def scored(trials) -> list[str]:
    """Return the names of the trials that get a score."""
    speakers = ("dev0", "eval0", "eval1", "eval2")
    return [f"{codec}+{speaker}_{n}" for codec in (IDENTITY, MUFFLED) for speaker in speakers for n in range(5)]


def test_every_dev_and_eval_trial_is_scored_once(model, resynthesised, trials):
    scores = score_protocol(model, trials, waveforms_in(resynthesised), 4, 0)
    assert scores["filename"].tolist() == scored(trials)
    assert scores["cm-score"].nunique() == 40
    tables.check(scores, Scores, "scores")


def test_random_scores_depend_only_on_seed_and_trial_name(trials):
    scores = score_randomly(trials, 1)
    assert scores["filename"].tolist() == scored(trials)
    assert score_randomly(trials, 1).equals(scores)
    assert not score_randomly(trials, 2).equals(scores)
    some = score_randomly(trials[trials["codec"] == MUFFLED], 1)
    assert some["cm-score"].tolist() == scores["cm-score"].tolist()[20:]


def test_trivial_features_detect_a_narrow_band(resynthesised, trials):
    scores = score_by_features(trials, waveforms_in(resynthesised))
    assert scores["filename"].tolist() == scored(trials)
    bonafide, spoof = scores["cm-score"][:20], scores["cm-score"][20:]
    assert metrics.eer(bonafide.to_numpy(), spoof.to_numpy()) == 0


def test_every_trial_is_scored_on_its_own_audio(model, resynthesised, trials, speech):
    scores = score_protocol(model, trials, waveforms_in(resynthesised), 4, 0).set_index("filename")["cm-score"]
    # the 13th utterance of make_run
    samples = audio.from_pcm16(audio.to_pcm16(speech(0.5, seed=12)))
    assert scores["identity+eval0_2"] == pytest.approx(expected_score(model, samples), abs=1e-5)


def test_scores_do_not_depend_on_the_batch_size(model, resynthesised, trials):
    one, seven = (score_protocol(model, trials, waveforms_in(resynthesised), size, 0) for size in (1, 7))
    assert one["filename"].equals(seven["filename"])
    np.testing.assert_allclose(one["cm-score"], seven["cm-score"], atol=1e-5, rtol=0)


def test_scores_are_the_same_after_out_of_memory(model, resynthesised, trials, monkeypatch):
    whole = score_protocol(model, trials, waveforms_in(resynthesised), 8, 1)
    forward, sizes = model.forward, []

    def cramped(waveforms: torch.Tensor) -> torch.Tensor:
        if len(waveforms) > 3:
            raise torch.OutOfMemoryError
        sizes.append(len(waveforms))
        return forward(waveforms)

    monkeypatch.setattr(model, "forward", cramped)
    halved = score_protocol(model, trials, waveforms_in(resynthesised), 8, 1)
    assert set(sizes) == {2}
    np.testing.assert_allclose(whole["cm-score"], halved["cm-score"], atol=1e-5, rtol=0)


def test_scoring_uses_eval_mode(model, resynthesised, trials):
    expected = score_protocol(model, trials, waveforms_in(resynthesised), 4, 0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    pd.testing.assert_frame_equal(score_protocol(model.train(), trials, waveforms_in(resynthesised), 4, 0), expected)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_files_are_scored_in_order_on_their_first_crop(model, tmp_path, speech):
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for number, path in enumerate(paths):
        audio.write(path, speech(0.5, seed=number), 16000)
    found = list(score_files(model, paths))
    assert [path for path, _ in found] == paths
    for path, score in found:
        assert score == pytest.approx(expected_score(model, audio.read(path)[0]), abs=1e-6)
    assert len({score for _, score in found}) == 3


def test_stereo_at_44100_hz_scores_like_mono_at_16000_hz(model, tmp_path, speech):
    wide = speech(0.5, 44100)
    side = 0.2 * speech(0.5, 44100, seed=1)
    soundfile.write(tmp_path / "stereo.wav", np.stack([wide + side, wide - side], axis=1), 44100, subtype="FLOAT")
    soundfile.write(tmp_path / "mono.wav", audio.resample(wide, 44100, 16000), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "left.wav", audio.resample(wide + side, 44100, 16000), 16000, subtype="FLOAT")
    paths = [tmp_path / f"{name}.wav" for name in ("stereo", "mono", "left")]
    stereo, mono, left = (score for _, score in score_files(model, paths))
    assert stereo == pytest.approx(mono, abs=1e-4)
    assert abs(left - mono) > 1e-3


def test_file_shorter_than_the_crop_is_repeated(model, tmp_path, speech):
    samples = speech(0.1)
    audio.write(tmp_path / "once.wav", samples, 16000)
    audio.write(tmp_path / "repeated.wav", np.tile(samples, 3), 16000)
    once, repeated = (score for _, score in score_files(model, [tmp_path / "once.wav", tmp_path / "repeated.wav"]))
    assert once == repeated


def write_bad(path, kind: str) -> None:
    samples = np.full({"too short": 319, "empty": 0}.get(kind, 16000), 0.1, np.float32)
    if kind == "not finite":
        samples[5] = np.nan
    if kind == "no audio":
        path.write_bytes(b"RIFF but not a sound")
    elif kind != "missing":
        soundfile.write(path, samples, 16000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such audio file"),
        ("no audio", "cannot be decoded as audio"),
        ("empty", r"empty \(0 samples\)"),
        ("too short", r"319 samples; at least 320 \(one frame\) needed"),
        ("not finite", "sample 5 is nan; only finite samples"),
    ],
)
def test_unusable_file_is_named_and_the_others_are_scored(model, tmp_path, speech, kind, message):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    audio.write(good, speech(0.3), 16000)
    write_bad(bad, kind)
    audio.write(tmp_path / "last.wav", speech(0.3), 16000)
    first, second, third = score_files(model, [good, bad, tmp_path / "last.wav"])
    assert first == (good, third[1])
    assert isinstance(second[1], AudioError)
    assert re.search(rf"bad\.wav: .*{message}", str(second[1]))


def test_folder_stands_for_its_audio_files(tmp_path):
    for name in ("b.wav", "a/2.FLAC", "a/1.mp3", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    folder = tmp_path / "in"
    found = audio_files([tmp_path / "x.wav", folder])
    assert found == [tmp_path / "x.wav", folder / "a/1.mp3", folder / "a/2.FLAC", folder / "b.wav"]
    (tmp_path / "none").mkdir()
    with pytest.raises(AudioError, match=r"none: no audio files in this folder; allowed: \.wav, \.flac"):
        audio_files([tmp_path / "none"])
