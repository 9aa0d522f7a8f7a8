"""Measurement of the delay between two signals."""

import numpy as np
import pytest
from scipy.signal import firwin

from codecfake.audio import io as audio
from codecfake.audio.alignment import aligned, lag, likeness, offset, shifted


def late(samples: np.ndarray, delay: float) -> np.ndarray:
    """Delay samples with a windowed sinc filter of 255 taps, an oracle independent of `shifted`."""
    taps = np.arange(255) - 127
    whole = int(np.floor(delay))
    kernel = np.sinc(taps - (delay - whole)) * np.kaiser(255, 10)
    filtered = np.convolve(samples, kernel, "same")
    moved = np.pad(filtered, (whole, 0)) if whole >= 0 else filtered[-whole:]
    return audio.match_length(moved, len(samples)).astype(np.float32)


@pytest.mark.parametrize("delay", [0, 1, -8, 7.5, 120.25, -0.3, 399.9, -400])
def test_lag_has_subsample_accuracy(speech, delay):
    samples = speech(1.5, 16000)
    assert lag(samples, late(samples, delay), 400) == pytest.approx(delay, abs=0.02)


def test_lag_is_independent_of_level_polarity_and_noise(speech):
    samples = speech(2.0, 16000)
    noise = 0.1 * samples.std() * np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    for polarity in (1, -1):
        found = offset(samples, polarity * 0.2 * late(samples, 33.5) + 0.2 * noise, 400)
        assert found == pytest.approx((33.5, polarity), abs=0.1)


def test_signals_may_differ_in_length(speech):
    samples = speech(1.0, 16000)
    assert lag(samples, np.pad(samples, (50, 700)), 400) == pytest.approx(50, abs=0.01)
    assert lag(samples, samples[120:], 400) == pytest.approx(-120, abs=0.01)


def test_lag_is_within_the_search_range(speech):
    samples = speech(1.0, 16000)
    assert abs(lag(samples, late(samples, 300), 100)) <= 100


@pytest.mark.parametrize("which", [0, 1])
def test_lag_of_silence_is_undefined(speech, which):
    pair = [speech(0.5, 16000), speech(0.5, 16000)]
    pair[which] = np.zeros(8000, np.float32)
    assert np.isnan(lag(*pair, 400))
    assert np.isnan(likeness(*pair).correlation)
    assert np.isnan(likeness(*pair).gain) == (which == 0)


def test_lag_is_found_by_envelopes_if_phases_are_random(speech):
    """Like a vocoder's output: the phase of each frequency is random in each frame."""
    samples = late(speech(2.0, 16000), 0)
    rng, found = np.random.default_rng(1), []
    for _ in range(5):
        turned = np.convolve(samples, rng.standard_normal(65) * np.hanning(65), "same").astype(np.float32)
        found.append(lag(samples, late(turned, 125), 400))
    assert np.median(found) == pytest.approx(125, abs=8)


def test_official_samples_have_the_known_lags(shared):
    """For AudioDec, a plain cross-correlation is wrong by pitch periods (73 and 91 samples)."""
    known = {
        "genuine": (0, 0.01),
        "descript-audio-codec-16khz": (-8, 0.3),
        "descript-audio-codec-24khz": (-5.33, 0.1),
        "descript-audio-codec-44khz": (0, 0.2),
        "academicodec_hifi_16k_320d": (0, 0.3),
        "audiodec_24k_320d": (122, 3),
        "encodec_24khz": (0, 0.3),
    }
    for utterance in ("p225_273", "p295_144"):
        reference = audio.read(shared / "data/codecfake-samples" / f"genuine+{utterance}.wav")[0]
        for codec, (expected, tolerance) in known.items():
            samples = audio.resample(*audio.read(shared / "data/codecfake-samples" / f"{codec}+{utterance}.wav"), 16000)
            assert lag(reference, samples, 400) == pytest.approx(expected, abs=tolerance), codec


def test_audiodecs_official_samples_are_inverted(shared):
    for utterance in ("p225_273", "p295_144"):
        reference = audio.read(shared / "data/codecfake-samples" / f"genuine+{utterance}.wav")[0]
        samples = audio.resample(
            *audio.read(shared / "data/codecfake-samples" / f"audiodec_24k_320d+{utterance}.wav"), 16000
        )
        found = offset(reference, samples, 400)
        assert found.polarity == -1
        assert likeness(*aligned(reference, samples, found.lag)).correlation < -0.4


@pytest.mark.parametrize("delay", [3, -5, 0.5, -7.25, 60.1])
def test_shifting_undoes_a_delay(speech, delay):
    samples = np.convolve(speech(1.0, 16000), firwin(101, 0.9), "same").astype(np.float32)
    back = shifted(late(samples, delay), delay, len(samples))
    inner = slice(400, -400)
    assert np.abs(back[inner] - samples[inner]).max() < 2e-3 * np.abs(samples).max()


def test_a_fractional_shift_keeps_the_level_at_every_frequency():
    samples = np.zeros(4000, np.float32)
    samples[2000] = 1
    spectrum = np.abs(np.fft.rfft(shifted(samples, 0.5, 4000)[1000:3000]))
    assert np.abs(20 * np.log10(spectrum[: int(0.95 * len(spectrum))])).max() < 0.1


def test_shift_by_whole_samples_is_exact():
    samples = np.arange(1, 6, dtype=np.float32)
    assert shifted(samples, 2, 5).tolist() == [3, 4, 5, 0, 0]
    assert shifted(samples, -2, 6).tolist() == [0, 0, 1, 2, 3, 4]


def test_aligned_returns_the_overlap(speech):
    samples = speech(0.5, 16000)
    for delayed, delay in ((np.pad(samples, (40, 0)), 40), (samples[40:], -40)):
        one, other = aligned(samples, delayed, delay)
        assert len(one) == len(other) == min(len(samples), len(samples) + min(delay, 0))
        assert np.array_equal(one, other)
        assert likeness(one, -2 * other) == pytest.approx((-1, 2))
