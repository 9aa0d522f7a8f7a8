"""Eval speech under conditions: its protocol and its waveforms."""

import numpy as np
import pandas as pd
import pytest

from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.data.waveforms import Waveforms, write_waveforms
from codecfake.pipeline import config
from codecfake.trials.condition_waveforms import condition_waveforms
from codecfake.trials.protocol import Protocol, condition_protocol, trial_names
from codecfake.util.constants import IDENTITY
from tiny_run import MUFFLED, make_trials, waveforms_in

NOISE = {"kind": "noise", "colour": "white", "snr_db": 10}


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    """Trials of all splits, with eval between the others."""
    return make_trials(resynthesised, speech, {"train": 1, "dev": 1, "eval": 2}, per_speaker=2)


@pytest.fixture(scope="module")
def under(resynthesised, trials):
    """under(condition, workers=1): return the `condition_waveforms` of these trials."""

    def under(condition: dict, workers: int = 1) -> dict[str, np.ndarray]:
        return dict(condition_waveforms("loud", condition, trials, waveforms_in(resynthesised), workers))

    return under


def test_condition_protocol_has_only_eval_trials(trials):
    changed = tables.check(condition_protocol("loud", trials), Protocol, "loud")
    utterances = [f"eval{speaker}_{number}" for speaker in range(2) for number in range(2)]
    assert changed["utterance_id"].tolist() == utterances * 2
    assert changed["codec"].tolist() == [f"{IDENTITY}@loud"] * 4 + [f"{MUFFLED}@loud"] * 4
    kept = ["speaker_id", "label", "split", "shard", "row"]
    before = trials[trials["split"] == "eval"].reset_index(drop=True)
    pd.testing.assert_frame_equal(changed[kept], before[kept])
    assert set(trials["codec"]) == {IDENTITY, MUFFLED}


def test_protocol_and_waveforms_of_a_condition_have_the_same_order(trials, under, tmp_path):
    made = under(NOISE)
    names = trial_names(condition_protocol("loud", trials)).tolist()
    assert list(made) == names
    assert names[0] == "identity@loud+eval0_0"
    write_waveforms(tmp_path / "loud.arrow", made.items())
    found = Waveforms([tmp_path / "loud.arrow"], names[::-1])
    assert np.array_equal(found[0], audio.to_pcm16(made[names[-1]]))


def original(resynthesised, name: str) -> np.ndarray:
    return audio.from_pcm16(Waveforms(waveforms_in(resynthesised), [name.replace("@loud", "")])[0])


def test_condition_is_applied_to_every_trial(resynthesised, under):
    for name, samples in under(NOISE).items():
        before = original(resynthesised, name)
        assert samples.dtype == np.float32
        assert 10 * np.log10(np.mean(before**2) / np.mean((samples - before) ** 2)) == pytest.approx(10, abs=0.01)


def test_noise_is_the_same_for_both_classes_of_an_utterance_and_differs_by_utterance(resynthesised, under):
    noise = {}
    for name, samples in under(NOISE).items():
        added = samples - original(resynthesised, name)
        noise[name] = added / np.linalg.norm(added)
    for name, added in noise.items():
        codec, _, utterance = name.partition("+")
        if codec == f"{IDENTITY}@loud":
            assert added @ noise[f"{MUFFLED}@loud+{utterance}"] == pytest.approx(1, abs=1e-4)
    first, *others = [added for name, added in noise.items() if name.startswith(IDENTITY)]
    for other in others:
        length = min(len(first), len(other))
        assert abs(first[:length] @ other[:length]) < 0.1


@pytest.mark.parametrize("name", ["noise_10db", "amr_nb_12k2", "mp3_32k"])
def test_result_does_not_depend_on_the_number_of_workers(under, name):
    one, three = (under(config.conditions()[name], workers) for workers in (1, 3))
    assert list(one) == list(three)
    for trial, samples in one.items():
        assert np.array_equal(samples, three[trial])
