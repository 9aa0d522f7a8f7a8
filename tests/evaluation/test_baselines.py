"""Random scores and trivial features: known signals, invariances, separable and inseparable classes."""

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from codecfake.evaluation import baselines
from codecfake.evaluation.metrics import eer
from codecfake.util.errors import AudioError, DataError

SAMPLE_RATE = 16000
#: Names of the features, in order.
FEATURES = (
    *("length_s", "level_dbfs", "peak_dbfs", "leading_silence_s", "trailing_silence_s"),
    *("bandwidth_hz", "above_7khz_db"),
)
SILENT = {"level_dbfs": -100, "peak_dbfs": -100, "bandwidth_hz": 0, "above_7khz_db": -100}


def named(samples, sample_rate=SAMPLE_RATE):
    values = baselines.trivial_features(np.asarray(samples, np.float32), sample_rate)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    return dict(zip(FEATURES, values, strict=True))


def tone(seconds=1.0, frequency=1000, amplitude=0.5, sample_rate=SAMPLE_RATE):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)


def noise(num_samples=SAMPLE_RATE, seed=0, amplitude=0.1):
    return np.random.default_rng(seed).normal(0, amplitude, num_samples)


def low_passed(samples, cutoff):
    return lfilter(firwin(513, cutoff, fs=SAMPLE_RATE, window=("kaiser", 10)), 1, samples)


def silence(seconds, sample_rate=SAMPLE_RATE):
    return np.zeros(round(seconds * sample_rate))


@pytest.mark.parametrize("sample_rate", [8000, 16000, 48000])
def test_features_of_a_tone_between_silences_are_correct(sample_rate):
    quiet = {"sample_rate": sample_rate}
    found = named(np.concatenate([silence(0.25, **quiet), tone(1.5, **quiet), silence(0.4, **quiet)]), sample_rate)
    assert found["length_s"] == pytest.approx(2.15)
    assert found["level_dbfs"] == pytest.approx(-9.03, abs=0.05)  # RMS of a sine of amplitude 0.5
    assert found["peak_dbfs"] == pytest.approx(-6.02, abs=0.05)
    assert found["leading_silence_s"] == pytest.approx(0.25, abs=0.011)
    assert found["trailing_silence_s"] == pytest.approx(0.4, abs=0.011)


@pytest.mark.parametrize("frequency", [500, 3000, 7000])
def test_bandwidth_of_a_tone_is_its_frequency(frequency):
    assert named(tone(frequency=frequency))["bandwidth_hz"] == pytest.approx(frequency, abs=300)


@pytest.mark.parametrize("cutoff", [2000, 4000, 6000, 7500])
def test_bandwidth_of_low_passed_noise_is_the_cutoff(cutoff):
    assert named(low_passed(noise(), cutoff))["bandwidth_hz"] == pytest.approx(cutoff, abs=250)


def test_share_above_7_khz_equals_that_of_known_spectra():
    assert named(noise())["above_7khz_db"] == pytest.approx(10 * np.log10(1 / 8), abs=0.3)
    assert named(tone() + tone(frequency=7500, amplitude=0.05))["above_7khz_db"] == pytest.approx(-20, abs=0.3)
    assert named(low_passed(noise(), 6500))["above_7khz_db"] < -60
    assert named(noise(8000), 8000)["above_7khz_db"] == -100


def test_gain_changes_only_level_and_peak(speech):
    soft, loud = named(0.1 * speech()), named(speech())
    changes = {name: loud[name] - soft[name] for name in FEATURES}
    expected = dict.fromkeys(FEATURES, 0) | {"level_dbfs": 20, "peak_dbfs": 20}
    assert changes == pytest.approx(expected, abs=1e-3)


def test_surrounding_silence_changes_neither_level_nor_band(speech):
    bare, padded = named(speech(2.0)), named(np.concatenate([silence(0.3), speech(2.0), silence(0.2)]))
    assert padded["length_s"] == pytest.approx(bare["length_s"] + 0.5)
    assert padded["leading_silence_s"] == pytest.approx(bare["leading_silence_s"] + 0.3)
    assert padded["trailing_silence_s"] == pytest.approx(bare["trailing_silence_s"] + 0.2)
    for name in ("level_dbfs", "peak_dbfs", "above_7khz_db"):
        assert padded[name] == pytest.approx(bare[name], abs=0.5)


def test_time_reversal_swaps_leading_and_trailing_silence(speech):
    sound = np.concatenate([silence(0.3), speech(2.0), silence(0.1)])
    forth, back = named(sound), named(sound[::-1])
    assert back["leading_silence_s"] == pytest.approx(forth["trailing_silence_s"])
    assert back["trailing_silence_s"] == pytest.approx(forth["leading_silence_s"])
    assert back["level_dbfs"] == pytest.approx(forth["level_dbfs"], abs=0.01)


@pytest.mark.parametrize("num_samples", [1, 2, 159, 161, 1600, 16000])
def test_silent_file_is_all_leading_and_trailing_silence(num_samples):
    seconds = num_samples / SAMPLE_RATE
    lengths = dict.fromkeys(["length_s", "leading_silence_s", "trailing_silence_s"], seconds)
    assert named(np.zeros(num_samples)) == pytest.approx(SILENT | lengths)


@pytest.mark.parametrize("num_samples", [1, 2, 3, 159, 161, 1600])
@pytest.mark.parametrize("sample_rate", [50, 8000, 16000, 44100])
def test_finite_samples_have_finite_features(num_samples, sample_rate):
    impulse = np.zeros(num_samples)
    impulse[num_samples // 2] = 1
    for samples in (noise(num_samples), np.full(num_samples, 0.1), np.full(num_samples, 1e-30), impulse):
        named(samples, sample_rate)


def test_empty_or_non_finite_audio_is_refused():
    for samples in ([], [0, np.nan], [np.inf, 0]):
        with pytest.raises(AudioError):
            named(samples)


def test_random_scores_depend_on_the_name_and_not_on_the_order():
    names = [f"p225_{number:03}" for number in range(1000)]
    scores = dict(zip(names, baselines.random_scores(names, 0), strict=True))
    some = names[::-3]
    np.testing.assert_array_equal(baselines.random_scores(some, 0), [scores[name] for name in some])
    assert abs(np.corrcoef(list(scores.values()), baselines.random_scores(names, 1))[0, 1]) < 0.1


def test_random_scores_have_an_eer_of_one_half():
    scores = baselines.random_scores([str(number) for number in range(4000)], 0)
    assert (scores.dtype, scores.shape) == (np.float64, (4000,))
    assert scores.mean() == pytest.approx(0.5, abs=0.02)
    assert eer(scores[:2000], scores[2000:]) == pytest.approx(0.5, abs=0.03)
    assert baselines.random_scores([], 0).shape == (0,)


def recordings(count, seed, change=lambda samples: samples):
    """Return features of `count` noises of various length, level, band and silences, each after `change`."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        sound = low_passed(
            noise(round(random.uniform(0.4, 1.2) * SAMPLE_RATE), (seed, number)), random.uniform(5e3, 7e3)
        )
        sound = 10 ** (random.uniform(-15, 0) / 20) * sound
        sound = np.concatenate([silence(random.uniform(0, 0.3)), sound, silence(random.uniform(0, 0.3))])
        found.append(baselines.trivial_features(change(sound).astype(np.float32), SAMPLE_RATE))
    return np.array(found)


CHANGES = {
    "length": lambda samples: np.tile(samples, 4),
    "level": lambda samples: 0.05 * samples,
    "bandwidth": lambda samples: low_passed(samples, 3500),
    "trailing silence": lambda samples: np.concatenate([samples, silence(0.5)]),
}


def error_rate(change, count=60):
    """Return the EER on `count` recordings of each class after training on as many other recordings."""
    train = [recordings(count, 0), recordings(count, 1, change)]
    evaluated = [recordings(count, 2), recordings(count, 3, change)]
    labels = np.repeat([1, 0], count)
    scores = baselines.fit_and_score(np.concatenate(train), labels, np.concatenate(evaluated))
    assert (scores.dtype, scores.shape) == (np.float64, (2 * count,))
    return eer(scores[:count], scores[count:])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_classes_that_differ_in_one_feature_are_separated(change):
    assert error_rate(change) < 0.05


def test_equal_classes_are_not_separated():
    assert 0.35 < error_rate(lambda samples: samples) < 0.65


def test_fit_is_deterministic_and_independent_of_units_and_class_sizes():
    random = np.random.default_rng(0)
    train, labels, evaluated = random.normal(size=(200, 3)), np.repeat([1, 0], 100), random.normal(size=(50, 3))
    train[:100] += 1
    scores = baselines.fit_and_score(train, labels, evaluated)
    np.testing.assert_array_equal(scores, baselines.fit_and_score(train, labels, evaluated))
    scale, shift = np.array([1e-3, 1, 1e3]), np.array([0, 5, -5])
    rescaled = baselines.fit_and_score(train * scale + shift, labels, evaluated * scale + shift)
    np.testing.assert_allclose(rescaled, scores, atol=1e-3)
    few = np.r_[:100, 100:120]
    assert np.corrcoef(baselines.fit_and_score(train[few], labels[few], evaluated), scores)[0, 1] > 0.9
    centre = baselines.fit_and_score(train[few], labels[few], np.full((1, 3), 0.5))
    assert abs(centre) < 1  # log-odds centred although one class is five times the other


def test_constant_feature_is_ignored():
    train = np.stack([np.r_[np.zeros(50), np.ones(50)], np.full(100, 7.0)], axis=1)
    scores = baselines.fit_and_score(train, np.repeat([0, 1], 50), np.array([[0, 7.0], [1, 7.0]]))
    assert scores[0] < 0 < scores[1]


@pytest.mark.parametrize(("label", "missing"), [(0, "bona fide"), (1, "spoof")])
def test_training_on_a_single_class_is_refused(label, missing):
    with pytest.raises(DataError, match=f"no {missing} among 4 training utterances"):
        baselines.fit_and_score(np.zeros((4, 2)), np.full(4, label), np.zeros((1, 2)))
