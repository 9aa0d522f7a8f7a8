"""STOI and PESQ: maximum for identical speech, lower with noise, undefined without speech."""

import math

import numpy as np
import pytest

from codecfake.audio import intelligibility
from codecfake.audio import io as audio

METRICS = {"stoi": intelligibility.stoi, "pesq_wb": intelligibility.pesq_wb}
TOP = {"stoi": 1.0, "pesq_wb": 4.64}


@pytest.fixture(params=METRICS)
def metric(request) -> str:
    """The name of a measure that is available on this machine."""
    if request.param == "pesq_wb":
        request.getfixturevalue("pesq")
    return request.param


@pytest.fixture(scope="module")
def real(shared) -> np.ndarray:
    """Real speech at 16 kHz."""
    samples, sample_rate = audio.read(sorted((shared / "data/speechocean762").glob("*/*.flac"))[0])
    assert sample_rate == 16000
    return samples


def noisy(samples: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return samples + noise * np.float32(samples.std() * 10 ** (-snr_db / 20))


def test_identical_speech_has_the_maximum(real, metric):
    assert METRICS[metric](real, real, 16000) == pytest.approx(TOP[metric], abs=0.01)


def test_quality_falls_with_noise(real, metric):
    values = [METRICS[metric](real, noisy(real, snr_db), 16000) for snr_db in (40, 20, 5, -10)]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[-1] > 0.3


def test_quality_does_not_depend_on_the_sample_rate(real, metric):
    degraded = noisy(real, 10)
    upsampled = [audio.resample(samples, 16000, 24000) for samples in (real, degraded)]
    assert METRICS[metric](*upsampled, 24000) == pytest.approx(METRICS[metric](real, degraded, 16000), abs=0.1)


def test_quality_of_silence_is_undefined(metric):
    silence = np.zeros(16000, np.float32)
    assert math.isnan(METRICS[metric](silence, silence, 16000))


@pytest.mark.parametrize("seconds", [0, 0.001, 0.02, 0.2])
def test_quality_of_too_little_speech_is_undefined(real, metric, seconds):
    start = int(np.abs(real).argmax())
    short = real[start : start + round(16000 * seconds)]
    assert math.isnan(METRICS[metric](short, short, 16000))


@pytest.mark.filterwarnings("ignore:Not enough STFT frames")
def test_stoi_of_mostly_silent_audio_is_undefined(real):
    start = int(np.abs(real).argmax())
    moment = np.zeros(16000, np.float32)
    moment[8000:9600] = real[start : start + 1600]
    assert math.isnan(intelligibility.stoi(moment, moment, 16000))


@pytest.mark.usefixtures("pesq")
def test_mean_quality_ignores_undefined_values(real):
    pair, short = (real, noisy(real, 10)), (real[:1600], real[:1600])
    stoi, pesq_wb = intelligibility.mean_quality([pair, short, (real, real)], 16000)
    assert stoi == pytest.approx((intelligibility.stoi(*pair, 16000) + 1) / 2, abs=1e-6)
    assert pesq_wb == pytest.approx((intelligibility.pesq_wb(*pair, 16000) + 4.6439) / 2, abs=1e-3)


@pytest.mark.usefixtures("pesq")
def test_silent_output_has_the_worst_pesq(speech):
    spoken = speech(1.0)
    assert intelligibility.pesq_wb(spoken, np.zeros_like(spoken), 16000) == 1.0
