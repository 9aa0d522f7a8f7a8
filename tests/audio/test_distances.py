"""SI-SDR, mel and STFT distance: closed forms, independent oracles, monotonicity in noise, undefined values."""

import math

import librosa
import numpy as np
import pytest

from codecfake.audio import distances
from codecfake.audio import io as audio

RANDOM = np.random.default_rng(7)
MEASURES = {
    "si_sdr": distances.si_sdr,
    "mel_distance": distances.mel_distance,
    "stft_distance": distances.stft_distance,
}
PERFECT = {"si_sdr": 100.0, "mel_distance": 0.0, "stft_distance": 0.0}


@pytest.fixture(scope="module")
def real(shared) -> np.ndarray:
    """Real speech at 16 kHz."""
    return audio.read(sorted((shared / "data/speechocean762").glob("*/*.flac"))[0])[0]


def noisy(samples: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return (samples + noise * samples.std() * 10 ** (-snr_db / 20)).astype(np.float32)


@pytest.mark.parametrize("measure", MEASURES)
def test_identical_signals_have_the_perfect_value(speech, measure):
    assert MEASURES[measure](speech(1.0), speech(1.0)) == PERFECT[measure]


@pytest.mark.parametrize("measure", MEASURES)
def test_distance_grows_with_noise(real, measure):
    found = [MEASURES[measure](real, noisy(real, snr_db)) for snr_db in (60, 40, 20, 0, -20)]
    assert found == sorted(found, reverse=measure == "si_sdr")
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("snr_db", [-10, 0, 3, 40])
def test_si_sdr_of_orthogonal_noise_is_its_snr(snr_db):
    signal = RANDOM.standard_normal(8000)
    noise = RANDOM.standard_normal(8000)
    noise -= noise @ signal / (signal @ signal) * signal
    noise *= np.linalg.norm(signal) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)
    assert distances.si_sdr(signal, signal + noise) == pytest.approx(snr_db, abs=1e-9)
    assert distances.si_sdr(signal, -0.1 * (signal + noise)) == pytest.approx(snr_db, abs=1e-9)


@pytest.mark.parametrize("shape", ["noise", "speech"])
def test_si_sdr_equals_least_squares_projection(speech, shape):
    reference = speech(0.5) + 0.1  # the mean is not removed
    degraded = speech(0.5, seed=1) if shape == "speech" else RANDOM.standard_normal(8000).astype(np.float32)
    (scale,), (left,), *_ = np.linalg.lstsq(reference[:, None].astype(float), degraded.astype(float), rcond=None)
    expected = 10 * np.log10(scale**2 * np.sum(reference.astype(float) ** 2) / left)
    assert distances.si_sdr(reference, degraded) == pytest.approx(expected, abs=1e-6)


def test_si_sdr_is_limited_to_100_db(speech):
    reference = np.tile(np.float32([1, 0]), 500)
    assert distances.si_sdr(reference, np.tile(np.float32([0, 1]), 500)) == -100
    assert distances.si_sdr(reference, np.zeros_like(reference)) == -100
    assert distances.si_sdr(speech(1.0), speech(1.0) * 0.5) == 100


def log_mel(samples: np.ndarray) -> np.ndarray:
    mel = librosa.feature.melspectrogram(
        y=samples, sr=16000, n_fft=1024, hop_length=256, n_mels=80, power=1.0, pad_mode="reflect"
    )
    return np.log10(np.maximum(mel, 1e-5))


@pytest.mark.parametrize("snr_db", [-5, 10, 50])
def test_mel_distance_equals_librosa(real, snr_db):
    degraded = noisy(real, snr_db)
    expected = np.abs(log_mel(real) - log_mel(degraded)).mean()
    assert distances.mel_distance(real, degraded) == pytest.approx(expected, rel=1e-4)


def test_mel_distance_of_an_amplified_signal_is_its_gain():
    noise = RANDOM.standard_normal(16000).astype(np.float32)
    assert distances.mel_distance(noise, noise * np.float32(10**0.3)) == pytest.approx(0.3, abs=1e-5)


def magnitudes(samples: np.ndarray, fft: int, hop: int, window: int) -> np.ndarray:
    """Compute STFT magnitudes explicitly: reflected ends, a periodic Hann window centred in each FFT, a floor."""
    padded = np.pad(samples.astype(float), fft // 2, mode="reflect")
    hann = np.zeros(fft)
    start = (fft - window) // 2
    hann[start : start + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = [padded[at : at + fft] * hann for at in range(0, len(padded) - fft + 1, hop)]
    return np.sqrt(np.maximum(np.abs(np.fft.rfft(frames, axis=1)) ** 2, 1e-7))


@pytest.mark.parametrize("snr_db", [-5, 10, 50])
def test_stft_distance_equals_its_formula(real, snr_db):
    degraded = noisy(real, snr_db)
    expected = []
    for scale in ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200)):
        ours, theirs = magnitudes(real, *scale), magnitudes(degraded, *scale)
        convergence = np.sqrt(np.sum((ours - theirs) ** 2)) / np.sqrt(np.sum(ours**2))
        expected.append(convergence + np.abs(np.log(ours) - np.log(theirs)).mean())
    assert distances.stft_distance(real, degraded) == pytest.approx(np.mean(expected), rel=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
def test_distance_to_a_silent_reference_is_undefined(speech, measure):
    assert math.isnan(MEASURES[measure](np.zeros(16000, np.float32), speech(1.0)))


@pytest.mark.parametrize("measure", MEASURES)
def test_silent_output_has_a_large_distance(speech, measure):
    found = MEASURES[measure](speech(1.0), np.zeros(16000, np.float32))
    assert abs(found - PERFECT[measure]) > 0.9


@pytest.mark.parametrize("length", [0, 1, 511, 1023])
@pytest.mark.parametrize("measure", ["mel_distance", "stft_distance"])
def test_spectral_distance_of_less_than_a_window_is_undefined(measure, length):
    samples = np.ones(length, np.float32)
    assert math.isnan(MEASURES[measure](samples, samples))
