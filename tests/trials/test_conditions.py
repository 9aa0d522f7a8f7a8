"""Robustness conditions: their effect on timing, length and quality of speech."""

import csv

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from codecfake.audio import io as audio
from codecfake.audio.intelligibility import pesq_wb
from codecfake.pipeline import config
from codecfake.trials import conditions
from codecfake.util.errors import AudioError, ConfigError

SAMPLE_RATE = 16000
CONDITIONS = config.conditions()
#: Maximum lag of the output in samples at 16 kHz.
IN_TIME = 3
#: Range of the search for the lag: less than a pitch period of the voices here, after which speech repeats.
REACH_SECONDS = 0.0035
#: Lengths: a multiple of the frames of all coders (20 ms, 576 samples), one more, one less, a prime.
LENGTHS = [1600, 28799, 28800, 28801, 48017]
# (condition, minimum and maximum of the mean wideband PESQ of three real utterances)
QUALITY = [
    ("opus_16k", 3.6, 4.5),
    ("opus_6k", 1.3, 3.0),
    ("mp3_32k", 3.5, 4.6),
    ("amr_nb_12k2", 2.0, 3.8),
    ("amr_nb_4k75", 1.3, 2.8),
    ("noise_20db", 1.4, 3.0),
    ("noise_10db", 1.0, 1.7),
    ("narrowband", 2.0, 4.5),
]

every_condition = pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)


def do(condition, samples, name="a", sample_rate=SAMPLE_RATE):
    return conditions.apply(conditions.checked(condition, "conditions.yaml", "a"), samples, sample_rate, name)


def lag(original, degraded, sample_rate=SAMPLE_RATE):
    """Return the lag of `degraded` in samples, measured in 300 to 3400 Hz, the band that all conditions keep."""
    band = butter(4, [300, 3400], "bandpass", fs=sample_rate, output="sos")
    original, degraded = (np.fft.rfft(sosfilt(band, x), 2 * len(x)) for x in (original, degraded))
    alike = np.fft.irfft(degraded * original.conj())
    reach = round(REACH_SECONDS * sample_rate)
    lags = np.arange(-reach, reach + 1)
    return lags[np.argmax(alike[lags])]


def signal_to_noise(original, noisy):
    original = original.astype(np.float64)
    return 10 * np.log10(np.mean(original**2) / np.mean((noisy - original) ** 2))


def high_share(samples, above):
    power = np.abs(np.fft.rfft(samples)) ** 2
    return power[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > above].sum() / power.sum()


@pytest.mark.parametrize("num_samples", LENGTHS)
@every_condition
def test_output_has_the_input_length_without_delay(speech, condition, num_samples):
    original = speech(num_samples / SAMPLE_RATE)
    degraded = do(condition, original)
    assert (degraded.dtype, degraded.shape) == (np.float32, original.shape)
    assert not np.array_equal(degraded, original)
    assert abs(lag(original, degraded)) <= IN_TIME


@pytest.mark.parametrize("num_samples", LENGTHS)
@every_condition
def test_signal_is_kept_at_both_ends(speech, condition, num_samples):
    original = speech(num_samples / SAMPLE_RATE)
    degraded = do(condition, original)
    for end in (slice(0, 480), slice(-480, None)):
        assert np.std(degraded[end]) > 0.25 * np.std(original[end])


@every_condition
def test_output_depends_on_the_name_and_not_on_previous_calls(speech, condition):
    first = do(condition, speech(), "one")
    do(condition, speech(seed=1), "two")
    np.testing.assert_array_equal(first, do(condition, speech(), "one"))


@pytest.mark.parametrize("num_samples", [1, 100, 1600, 16000])
@every_condition
def test_silence_of_any_length_stays_silent(condition, num_samples):
    silence = np.zeros(num_samples, np.float32)
    degraded = do(condition, silence)
    assert degraded.shape == silence.shape
    assert np.abs(degraded).max() < 1e-4  # three 16-bit steps


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000])
@every_condition
def test_every_sample_rate_is_kept(speech, condition, sample_rate):
    original = speech(1.003, sample_rate)
    degraded = do(condition, original, sample_rate=sample_rate)
    assert degraded.shape == original.shape
    assert abs(lag(original, degraded, sample_rate)) <= IN_TIME * sample_rate / SAMPLE_RATE


@every_condition
def test_empty_or_non_finite_audio_is_refused_by_name(condition):
    with pytest.raises(AudioError, match="p225_001: the audio is empty"):
        do(condition, np.zeros(0, np.float32), "p225_001")
    with pytest.raises(AudioError, match="p225_001: sample 3 is nan"):
        do(condition, np.array([0, 0, 0, np.nan], np.float32), "p225_001")


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("decibels", [-5, 0, 10, 20])
def test_noise_has_the_configured_snr(speech, colour, decibels):
    noisy = do({"kind": "noise", "colour": colour, "snr_db": decibels}, speech())
    assert signal_to_noise(speech(), noisy) == pytest.approx(decibels, abs=0.01)


def test_noise_depends_only_on_the_name(speech):
    def noise(seed, name, decibels=10):
        added = do({"kind": "noise", "colour": "pink", "snr_db": decibels}, speech(seed=seed), name) - speech(seed=seed)
        return added / np.std(added)

    np.testing.assert_allclose(noise(0, "a"), noise(1, "a"), atol=1e-3)
    np.testing.assert_allclose(noise(0, "a"), noise(0, "a", 20), atol=1e-3)
    assert abs(np.corrcoef(noise(0, "a"), noise(0, "b"))[0, 1]) < 0.1


def test_white_noise_is_flat_and_pink_noise_falls_by_3_db_per_octave():
    for colour, decibels in (("white", 3), ("pink", 0)):  # power per octave: white noise gains 3 dB, pink noise 0
        noise = conditions.coloured_noise(colour, 160000, SAMPLE_RATE, "a")
        octaves = [high_share(noise, low) - high_share(noise, 2 * low) for low in (250, 500, 1000, 2000)]
        np.testing.assert_allclose(10 * np.diff(np.log10(octaves)), decibels, atol=0.5)


@pytest.mark.parametrize("name", ["amr_nb_12k2", "amr_nb_4k75", "narrowband", "opus_6k"])
def test_narrowband_conditions_remove_content_above_4_khz(name):
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    assert high_share(do(CONDITIONS[name], noise), 4500) < 0.01 < high_share(noise, 4500)


@pytest.mark.usefixtures("pesq")
@pytest.mark.parametrize("kind", ["opus", "mp3"])
def test_quality_grows_with_the_bitrate(speech, kind):
    coded = [do({"kind": kind, "kbps": kbps}, speech(3.0)) for kbps in (8, 16, 64)]
    quality = [pesq_wb(speech(3.0), degraded, SAMPLE_RATE) for degraded in coded]
    assert quality == sorted(set(quality))


def test_amr_modes_differ(speech):
    modes = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
    assert len({do({"kind": "amr_nb", "kbps": kbps}, speech()).tobytes() for kbps in modes}) == 8


@pytest.mark.usefixtures("pesq")
def test_real_speech_keeps_timing_and_has_the_known_quality(shared):
    folder = shared / "data" / "speechocean762"
    with (folder / "utterances.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    chosen = rows[:: len(rows) // 3][:3]
    originals = [audio.read(folder / row["speaker_id"] / f"{row['utterance_id']}.flac")[0] for row in chosen]
    for name, least, most in QUALITY:
        degraded = [do(CONDITIONS[name], original) for original in originals]
        pairs = list(zip(originals, degraded, strict=True))
        assert max(abs(lag(*pair)) for pair in pairs) <= IN_TIME, name
        assert least < np.mean([pesq_wb(*pair, SAMPLE_RATE) for pair in pairs]) < most, name


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"kbps": 16}, r"a\.kind: None is not allowed; allowed: opus, mp3, amr_nb, noise, narrowband"),
        ({"kind": "gsm", "kbps": 13}, r"a\.kind: 'gsm' is not allowed; allowed: opus, "),
        ({"kind": "opus"}, "a: 'kbps' is missing"),
        ({"kind": "opus", "kbps": 5}, r"a\.kbps: 5 is not allowed; allowed: at least 6"),
        ({"kind": "opus", "kbps": 16, "snr_db": 3}, "unknown key 'snr_db'; allowed: kbps, kind"),
        ({"kind": "amr_nb", "kbps": 12}, r"a\.kbps: 12 is not allowed; allowed: 4\.75, 5\.15, "),
        ({"kind": "mp3", "kbps": 33}, r"a\.kbps: 33 is not allowed; allowed: 8, 16, "),
        (
            {"kind": "noise", "colour": "brown", "snr_db": 3},
            r"a\.colour: 'brown' is not allowed; allowed: 'white' or 'pink'",
        ),
        ({"kind": "narrowband"}, "a: 'sample_rate' is missing"),
    ],
)
def test_invalid_entry_is_refused_with_allowed_values(entry, problem):
    with pytest.raises(ConfigError, match=problem) as raised:
        conditions.checked(entry, "conditions.yaml", "a")
    assert len(str(raised.value).splitlines()) == 1


def test_every_condition_kind_has_an_entry():
    assert {entry["kind"] for entry in CONDITIONS.values()} == set(conditions.KINDS)
    assert {name for name, _, _ in QUALITY} == set(CONDITIONS)
