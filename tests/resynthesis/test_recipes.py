"""Processing before and after a codec, by recipe: level, length, delay."""

import numpy as np
import pytest
import torch

from codecfake.codecs.base import Codec
from codecfake.resynthesis import recipes
from codecfake.resynthesis.resynthesis import through_codec

RATE = 16000


class Model(Codec):
    """A codec that halves the level, delays by `lag` samples and outputs complete frames of `hop` samples only."""

    def __init__(self, hop=320, lag=0, **entry):
        super().__init__({"sample_rate": RATE, "hop": hop, "delay": [lag, lag], **entry})
        self.seen, self.lag = [], lag

    @classmethod
    def load(cls, entry, files, device):
        raise NotImplementedError

    def output_length(self, num_samples):
        return num_samples // self.hop * self.hop

    def encode(self, waveforms):
        self.seen.append(waveforms.numpy())
        return waveforms[:, : self.output_length(waveforms.shape[1])].reshape(1, -1, self.hop)

    def decode(self, encoded):
        return torch.nn.functional.pad(0.5 * encoded.flatten(1), (self.lag, 0))


def through(samples, codec, recipe):
    return through_codec([samples], ["u"], codec, recipe)[0]


@pytest.mark.parametrize("length", [320, 321, 1599, 16000])
@pytest.mark.parametrize("lag", [0, 1, 320, 437])
def test_clean_keeps_level_length_and_position(length, lag, speech):
    samples = speech(1.0)[:length]
    assert np.allclose(through(samples, Model(lag=lag), "clean"), 0.5 * samples, atol=1e-7)


@pytest.mark.parametrize("lag", [170, 183, 215])
def test_clean_finds_a_varying_delay(lag, speech):
    samples = speech(1.0)
    decoded = through(samples, Model(lag=lag, delay=[170, 215]), "clean")
    assert np.allclose(decoded, 0.5 * samples, atol=1e-7)


def test_clean_undoes_the_input_level(speech):
    samples, codec = 0.1 * speech(), Model(level={"peak": 0.95})
    assert np.allclose(through(samples, codec, "clean"), 0.5 * samples, atol=1e-7)
    assert np.abs(codec.seen[0]).max() == pytest.approx(0.95)


def test_published_keeps_peak_length_and_delay(speech):
    samples = 0.1 * speech(1.01)
    decoded = through(samples, Model(lag=7, level={"peak": 0.95}), "published")
    assert len(decoded) == len(samples) // 320 * 320
    gain = 0.95 / np.abs(samples).max()
    assert np.allclose(decoded[7:], 0.5 * gain * samples[: len(decoded) - 7], atol=1e-6)


def test_published_restores_loudness(speech):
    samples, codec = 0.1 * speech(2.0), Model(hop=1, level={"loudness": -16.0})
    decoded = through(samples, codec, "published")
    assert recipes.loudness(codec.seen[0][0], RATE) == pytest.approx(-16, abs=1e-3)
    assert np.allclose(decoded, samples, atol=1e-6)


def test_input_level_is_limited_to_full_scale(speech):
    impulse = np.zeros(RATE, np.float32)
    impulse[::4000] = 0.5
    codec = Model(level={"loudness": -16.0})
    through(impulse, codec, "published")
    assert np.abs(codec.seen[0]).max() == pytest.approx(1.0)


def test_published_length_may_be_the_input_length(speech):
    assert len(through(speech()[:1000], Model(length="input"), "published")) == 1000


def test_raw_is_the_model_output(speech):
    samples, codec = speech()[:1000], Model(lag=5, level={"peak": 0.95}, length="input")
    decoded = through(samples, codec, "raw")
    assert len(decoded) == 960
    assert np.array_equal(decoded[5:], 0.5 * samples[:955])


@pytest.mark.parametrize("recipe", ["published", "clean", "raw"])
@pytest.mark.parametrize("level", [{}, {"peak": 0.95}, {"loudness": -16.0}])
def test_silence_stays_silence(recipe, level):
    assert not through(np.zeros(8000, np.float32), Model(level=level), recipe).any()


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
@pytest.mark.parametrize("seconds", [0.05, 0.45, 0.51, 1.1, 4.01])
def test_loudness_equals_audiotools(rate, seconds, speech):
    from audiotools import AudioSignal

    samples = speech(seconds, rate)
    theirs = float(AudioSignal(torch.from_numpy(samples)[None, None], rate).loudness())
    assert recipes.loudness(samples, rate) == pytest.approx(theirs, abs=5e-4)


def test_loudness_of_silence_is_the_gate_level():
    assert recipes.loudness(np.zeros(RATE, np.float32), RATE) == -70
