"""The matched set: both classes get the same rate, length, level and band, so that only the codec differs."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, welch

from codecfake.audio import io as audio
from codecfake.audio.alignment import lag, shifted
from codecfake.data.shards import shard_row
from codecfake.resynthesis.matching import EDGE_SECONDS, Matching, match
from codecfake.resynthesis.matching import speech as speech_in

EDGE = round(EDGE_SECONDS * 16000)


@pytest.fixture
def reference(speech) -> np.ndarray:
    """Two seconds of speech at 16 kHz between half-second segments of faint noise."""
    noise = 1e-4 * np.random.default_rng(0).standard_normal(48000)
    noise[8000:40000] += speech(2.0, 16000)
    return noise.astype(np.float32)


def like_a_codec(samples: np.ndarray) -> np.ndarray:
    """Low-pass samples, and change level, delay, polarity, mean and length as a codec may do."""
    low = sosfilt(butter(2, 3000, fs=16000, output="sos"), samples)
    return shifted((0.02 - 2.5 * low).astype(np.float32), -37.25, 9 * len(samples) // 10)


def decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def test_matching_removes_level_delay_polarity_offset_and_length(reference):
    bonafide = match(reference, 16000, reference, Matching())
    spoof = match(like_a_codec(reference), 16000, reference, Matching())
    assert len(bonafide) == len(spoof) == len(reference) - 2 * EDGE
    start, end = speech_in(reference[EDGE:-EDGE])
    for samples in (bonafide, spoof):
        assert decibels(samples[start:end]) == pytest.approx(-26, abs=0.01)
        assert np.mean(samples[start:end]) == pytest.approx(0, abs=1e-6)
    assert lag(bonafide, spoof, 400) == pytest.approx(0, abs=0.05)
    assert bonafide @ spoof > 0


def test_bona_fide_speech_keeps_its_waveform(reference):
    bonafide, whole = match(reference, 16000, reference, Matching()), reference[EDGE:-EDGE]
    start, end = speech_in(whole)
    centred = whole - whole[start:end].mean()
    assert np.allclose(bonafide, centred * (bonafide @ centred) / (centred @ centred), atol=1e-6)


@pytest.mark.parametrize("sample_rate", [16000, 24000, 44100])
def test_every_rate_is_resampled_to_16_khz_without_delay(reference, sample_rate):
    original = audio.resample(reference, 16000, sample_rate, audio.SHARP_WIDTH)
    spoof = match(original, sample_rate, reference, Matching())
    bonafide = match(reference, 16000, reference, Matching())
    assert np.abs(spoof - bonafide).max() < 0.01 * np.abs(bonafide).max()


def test_silence_is_trimmed_by_the_bona_fide_recording(reference):
    noisy = reference + 0.02 * np.random.default_rng(1).standard_normal(len(reference)).astype(np.float32)
    lengths = {len(match(samples, 16000, reference, Matching(trim_silence=True))) for samples in (reference, noisy)}
    assert len(lengths) == 1
    assert abs(lengths.pop() - 32000) < 2000


def test_band_limit_holds_for_both_classes(reference):
    rng = np.random.default_rng(2)
    for samples in (reference, reference + 0.1 * rng.standard_normal(len(reference)).astype(np.float32)):
        matched = match(samples, 16000, reference, Matching(bandwidth_hz=4000))
        frequencies, power = welch(matched, 16000, nperseg=1024)
        assert power[frequencies > 4400].max() < 1e-4 * power[frequencies < 3600].max()


def test_silent_or_short_input_stays_silent_or_short(reference):
    assert not match(np.zeros_like(reference), 16000, reference, Matching()).any()
    assert not match(np.zeros(1600, np.float32), 16000, np.zeros(1600, np.float32), Matching()).any()
    assert len(match(reference[:1600], 16000, reference[:1600], Matching())) == 1600 - 2 * EDGE


@pytest.mark.parametrize("length", [1600, 1001 + 2 * EDGE, 16001 + 2 * EDGE])
def test_clips_of_a_silent_recording_stay_silent(length, reference):
    silence = np.zeros(length, np.float32)
    for samples in (silence, reference[:length]):
        matched = match(samples, 16000, silence, Matching(trim_silence=True))
        assert len(matched) == length - 2 * EDGE
        assert not matched.any()


def test_level_of_both_classes_is_lower_if_bona_fide_would_clip():
    pulses = np.zeros(16000, np.float32)
    pulses[[3000, 13000]] = 0.9
    levels = []
    for samples in (pulses, np.convolve(pulses, [0.3, 1, 0.3], "same").astype(np.float32)):
        matched = match(samples, 16000, pulses, Matching(level_dbfs=-20))
        assert np.abs(matched).max() < audio.CLAMP
        start, end = speech_in(pulses[EDGE:-EDGE])
        levels.append(decibels(matched[start:end]))
    assert levels[0] == pytest.approx(levels[1], abs=0.01)
    assert levels[0] < -30


def test_treat_uses_the_source_row_as_reference(reference):
    row = shard_row(
        audio.resample(reference, 16000, 48000),
        48000,
        label="bonafide",
        speaker_id="s",
        utterance_id="u",
        codec_name="source",
    )
    samples, sample_rate = Matching().treat(like_a_codec(reference), 16000, row)
    expected = match(like_a_codec(reference), 16000, reference, Matching())
    assert sample_rate == 16000
    assert np.abs(samples - expected).max() < 0.05 * np.abs(expected).max()


def test_default_level_does_not_clip(reference):
    assert np.abs(match(reference, 16000, reference, Matching())).max() < audio.CLAMP
