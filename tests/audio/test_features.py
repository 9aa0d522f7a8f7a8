"""Clipping, low bits and spectrum of known signals. For level, silence and band see evaluation/test_baselines.py."""

import numpy as np
import pytest
from scipy.signal import welch

from codecfake.audio import features


@pytest.mark.parametrize("num_samples", [1, 2, 3, 159, 511, 512, 513, 767, 768, 16001])
def test_spectrum_equals_scipy_welch(num_samples):
    samples = np.random.default_rng(0).normal(size=num_samples)
    frequencies, power = features.spectrum(samples, 16000)
    expected = welch(samples, 16000, nperseg=min(num_samples, 512))
    np.testing.assert_allclose(frequencies, expected[0])
    np.testing.assert_allclose(power, expected[1], rtol=1e-9, atol=1e-30)


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        ([0, 0, 0, 0], 0),
        ([0.1, 0.5, 0.2, 0.5], 0),  # at the peak, but not next to another peak sample
        ([0.5, -0.5, 0.5, -0.5], 0),  # next to a sample of opposite sign
        ([0.5, 0.5, 0.1, 0.0], 0.5),
        ([-0.5, -0.5, -0.5, 0.1], 0.75),
        ([0.3], 0),
        ([1, 1], 1),
    ],
)
def test_clipped_counts_adjacent_samples_at_the_peak(samples, share):
    assert features.clipped(np.array(samples, np.float32)) == share


def test_low_bits_of_16_bit_samples_have_step_1():
    pcm = np.random.default_rng(0).integers(-3000, 3000, 20000)
    bits = features.low_bits((pcm / 32768).astype(np.float32))
    assert bits == (1, np.mean(pcm % 2), 1)
    assert bits.odd == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("scale", "step", "odd"), [(2, 2, 0), (3, 3, 0.5), (8, 8, 0)])
def test_scaled_samples_have_larger_steps(scale, step, odd):
    pcm = scale * np.random.default_rng(0).integers(-300, 300, 20000)
    bits = features.low_bits((pcm / 32768).astype(np.float32))
    assert (bits.on_grid, bits.step) == (1, step)
    assert bits.odd == pytest.approx(odd, abs=0.02)


def test_samples_of_more_than_16_bits_are_off_the_grid():
    pcm = np.random.default_rng(0).integers(-(2**20), 2**20, 20000)
    bits = features.low_bits(pcm / 2**23)
    assert bits.on_grid == pytest.approx(1 / 256, abs=0.003)
    assert bits.step == 1 / 256


def test_step_of_silence_is_undefined():
    bits = features.low_bits(np.zeros(10))
    assert bits[:2] == (1, 0)
    assert np.isnan(bits.step)


@pytest.mark.parametrize("hertz", [2000, 7000])
def test_share_above_a_frequency_of_white_noise_has_its_closed_form(hertz):
    spectrum = features.spectrum(np.random.default_rng(0).normal(size=160000), 16000)
    assert features.share_above(*spectrum, hertz) == pytest.approx(10 * np.log10(1 - hertz / 8000), abs=0.1)


@pytest.mark.parametrize("hop", [100, 160])
def test_line_level_of_noise_is_zero_and_grows_with_a_comb_of_the_frame_rate(hop):
    noise = np.random.default_rng(0).normal(0, 0.01, 48000)
    comb = np.arange(len(noise)) % hop == 0
    levels = [features.line_level(noise + level * comb, 16000, hop) for level in (0, 0.03, 0.1)]
    assert levels[0] == pytest.approx(0, abs=0.5)
    assert levels[0] + 1 < levels[1] < levels[2]
    # lines at another frame rate are not counted
    assert features.line_level(noise + 0.1 * comb, 16000, hop + 7) == pytest.approx(levels[0], abs=1.5)


def test_line_level_without_a_complete_window_is_undefined():
    assert np.isnan(features.line_level(np.zeros(1599), 16000, 100))
    assert features.line_level(np.zeros(1600), 16000, 100) == 0


def test_codec_that_processes_single_samples_has_no_line_level():
    assert np.isnan(features.line_level(np.zeros(16000), 16000, 1))
