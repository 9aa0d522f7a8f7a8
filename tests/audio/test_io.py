"""Reading and writing audio files: formats, refused files, sample rate, sample width, length."""

import errno
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codecfake.audio import io as audio
from codecfake.util.errors import AudioError

# (suffix, libsndfile subtype, minimum signal-to-noise ratio in dB; None for a lossy codec)
FORMATS = [
    (".wav", "PCM_U8", 25),
    (".wav", "PCM_16", 70),
    (".wav", "PCM_24", 110),
    (".wav", "FLOAT", 140),
    (".flac", "PCM_16", 70),
    (".flac", "PCM_24", 110),
    (".ogg", "VORBIS", None),
    (".mp3", "MPEG_LAYER_III", None),
]


def sine(frequency, sample_rate, seconds=1.0):
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


@pytest.mark.parametrize(("suffix", "subtype", "decibels"), FORMATS)
def test_every_format_is_read_as_mono_float32(tmp_path, speech, suffix, subtype, decibels):
    original = speech()
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, original, 16000, subtype)
    samples, sample_rate = audio.read(path)
    assert (samples.dtype, samples.shape, sample_rate) == (np.float32, original.shape, 16000)
    if decibels is None:
        assert np.corrcoef(samples, original)[0, 1] > 0.9
    else:
        assert 20 * np.log10(np.std(original) / max(np.std(samples - original), 1e-12)) > decibels


def test_stereo_is_averaged_and_96_khz_kept(tmp_path, speech):
    left, right = speech(0.2, 96000, seed=0), speech(0.2, 96000, seed=1)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([left, right], axis=1), 96000, "FLOAT")
    samples, sample_rate = audio.read(path)
    assert sample_rate == 96000
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-7)


def test_g722_is_read_as_16_khz(tmp_path, speech, write_g722):
    original = speech()
    path = tmp_path / "a.g722"
    write_g722(path, original)
    samples, sample_rate = audio.read(path)
    assert (samples.dtype, len(samples), sample_rate) == (np.float32, 2 * path.stat().st_size, 16000)
    # the G.722 filter bank has a delay of 22 samples
    assert np.corrcoef(samples[22:], original[:-22])[0, 1] > 0.98


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_random_bytes_are_refused_with_allowed_formats(tmp_path, suffix):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(AudioError, match=rf"noise{suffix}: cannot be decoded.*allowed: .wav, .flac, .ogg, .*, .g722"):
        audio.read(path)


# the last case cuts a FLAC file within its frames
@pytest.mark.parametrize(
    ("container", "num_bytes"),
    [(name, length) for name in ("WAV", "FLAC") for length in (0, 10, 40)] + [("FLAC", 5000)],
)
def test_a_truncated_file_is_refused(tmp_path, speech, container, num_bytes):
    path = tmp_path / f"cut.{container.lower()}"
    path.write_bytes(audio.encode(speech(), 16000, container)[:num_bytes])
    with pytest.raises(AudioError, match=r"cut\.\w+: cannot be decoded"):
        audio.read(path)


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.wav", "no such audio file"), ("folder.wav", r"cannot be read \(Is a directory\)")]
)
def test_a_missing_file_and_a_folder_are_refused(tmp_path, name, reason):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioError, match=f"{name}: {reason}"):
        audio.read(tmp_path / name)


def test_file_without_permission_is_refused_by_name(tmp_path, speech, monkeypatch):
    audio.write(tmp_path / "a.wav", speech(0.1), 16000)

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)  # root may read every file
    with pytest.raises(AudioError, match=r"a\.wav: cannot be read \(Permission denied\)"):
        audio.read(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "form",
    [
        ("OPUS", "OGG", ".opus"),
        ("PCM_16", "AIFF", ".aiff"),
        ("PCM_16", "W64", ".w64"),
        ("PCM_16", "AU", ".au"),
        ("PCM_16", "CAF", ".caf"),
        ("PCM_16", "NIST", ".sph"),
        ("PCM_16", "RF64", ".rf64"),
    ],
)
def test_formats_of_libsndfile_are_read(tmp_path, speech, form):
    subtype, container, suffix = form
    soundfile.write(tmp_path / f"a{suffix}", speech(0.5), 16000, format=container, subtype=subtype)
    samples, sample_rate = audio.read(tmp_path / f"a{suffix}")
    assert suffix in audio.SUFFIXES
    assert (len(samples), sample_rate) == (8000, 16000)


@pytest.mark.parametrize("name", ["silent.wav", "silent.g722"])
def test_a_file_without_samples_is_refused(tmp_path, name):
    soundfile.write(tmp_path / "silent.wav", np.zeros(0, np.float32), 16000)
    (tmp_path / "silent.g722").touch()
    with pytest.raises(AudioError, match=rf"{name}: the audio is empty \(0 samples\)"):
        audio.read(tmp_path / name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_sample_is_refused_with_its_position(tmp_path, speech, value):
    samples = speech()
    samples[7] = value
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, 16000, "FLOAT")
    with pytest.raises(AudioError, match=rf"bad\.wav: sample 7 is {value}; only finite"):
        audio.read(path)


def test_audio_below_the_minimum_length_is_refused_with_both_lengths():
    audio.check(np.zeros(320, np.float32), "u1", minimum=320)
    with pytest.raises(AudioError, match=r"u1: 319 samples; at least 320"):
        audio.check(np.zeros(319, np.float32), "u1", minimum=320)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48000, 16000), (44100, 16000), (16000, 24000), (16000, 44100)])
# 441328 samples at 44.1 kHz are 160119.002 at 16 kHz; float32 cannot represent the fraction
@pytest.mark.parametrize("num_samples", [1, 777, 16001, 441328])
def test_resampling_rounds_the_length_up(from_rate, to_rate, num_samples):
    resampled = audio.resample(np.zeros(num_samples, np.float32), from_rate, to_rate)
    assert resampled.dtype == np.float32
    assert len(resampled) == -(-num_samples * to_rate // from_rate)
    assert len(resampled) == audio.resampled_length(num_samples, from_rate, to_rate)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48000, 16000), (44100, 16000), (16000, 24000)])
def test_resampled_sine_keeps_frequency_and_level(from_rate, to_rate):
    resampled = audio.resample(sine(1000, from_rate), from_rate, to_rate)
    middle = slice(to_rate // 10, -to_rate // 10)
    np.testing.assert_allclose(resampled[middle], sine(1000, to_rate)[middle], atol=2e-3)


def test_resampling_removes_content_above_the_new_nyquist():
    resampled = audio.resample(sine(10000, 48000), 48000, 16000)[1600:-1600]
    assert np.std(resampled) < 0.01 * np.std(sine(10000, 48000))


def test_pcm16_is_clamped_to_099_and_rounded():
    steps = [1.4, 1.6, -1.4, -1.6, 0.0, 16384.0, -16384.0]
    samples = np.array([1.0, -1.0, 7.5, 0.99, -0.99, *(step / 32768 for step in steps)], np.float32)
    pcm = audio.to_pcm16(samples)
    limit = math.floor(0.99 * 32768 + 0.5)
    assert pcm.dtype == np.int16
    assert pcm.tolist() == [limit, -limit, limit, limit, -limit, 1, 2, -1, -2, 0, 16384, -16384]


def test_pcm16_round_trip_through_float_is_lossless():
    pcm = np.arange(-32440, 32441, dtype=np.int16)
    np.testing.assert_array_equal(audio.to_pcm16(audio.from_pcm16(pcm)), pcm)


@pytest.mark.parametrize(("num_samples", "expected"), [(2, [1, 2]), (3, [1, 2, 3]), (5, [1, 2, 3, 0, 0]), (0, [])])
def test_match_length_cuts_or_pads_the_end(num_samples, expected):
    matched = audio.match_length(np.array([1, 2, 3], np.float32), num_samples)
    assert matched.dtype == np.float32
    assert matched.tolist() == expected


@pytest.mark.parametrize("container", ["FLAC", "WAV"])
def test_encoding_of_16_bit_samples_is_lossless(container):
    original = audio.from_pcm16(np.random.default_rng(0).integers(-32440, 32441, 5000).astype(np.int16))
    samples, sample_rate = audio.decode(audio.encode(original, 24000, container), "u1")
    assert sample_rate == 24000
    np.testing.assert_array_equal(samples, original)


def test_write_wav_writes_only_a_16_bit_wav(tmp_path, speech):
    path = tmp_path / "new" / "a.wav"
    audio.write(path, speech(), 16000)
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate, info.frames) == ("WAV", "PCM_16", 16000, 16000)
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_keeps_the_old_wav(tmp_path, speech, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        audio.write(path, speech(), 16000)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"a.wav": b"old"}


def test_truncated_wav_is_refused_but_piped_wav_is_read(speech):
    whole = audio.encode(speech(0.2), 16000, "WAV")
    with pytest.raises(AudioError, match=rf"cut.wav: 3000 bytes; its header says {len(whole)}: the file was cut short"):
        audio.decode(whole[:3000], "cut.wav")
    piped = whole[:4] + b"\xff\xff\xff\xff" + whole[8:]
    assert len(audio.decode(piped, "piped.wav")[0]) == 3200


@pytest.mark.parametrize("name", ["lfs", "html"])
def test_stand_in_for_a_file_is_called_what_it_is(tmp_path, name):
    content, expected = {
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        "html": (b"<!DOCTYPE html><html></html>", "an HTML page"),
    }[name]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=rf"a\.wav: cannot be decoded as audio \({expected}"):
        audio.read(tmp_path / "a.wav")


def test_integers_stored_as_floats_are_refused(tmp_path, speech):
    soundfile.write(tmp_path / "a.wav", 32768 * speech(0.2), 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"a\.wav: magnitude \d+.*, full scale is 1; integers stored as floats"):
        audio.read(tmp_path / "a.wav")


def test_samples_somewhat_above_full_scale_are_read(tmp_path, speech):
    soundfile.write(tmp_path / "a.wav", 8 * speech(0.2), 16000, subtype="FLOAT")
    assert np.abs(audio.read(tmp_path / "a.wav")[0]).max() > 1


def test_digital_silence_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(800), 16000)
    with pytest.raises(AudioError, match=r"a\.wav: digital silence: all 800 samples are 0"):
        audio.read(tmp_path / "a.wav")


@pytest.mark.parametrize("right", [-1.0, -0.9, 0.0, 1.0])
def test_channels_are_averaged_unless_they_cancel(tmp_path, speech, right):
    left = speech(0.5)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right * left], axis=1), 16000, subtype="FLOAT")
    samples, _ = audio.read(tmp_path / "a.wav")
    assert np.allclose(samples, left if right < -0.8 else (1 + right) / 2 * left, atol=1e-6)


@pytest.mark.parametrize("rate", [44101, 47999])
def test_odd_rates_are_resampled_without_a_large_kernel(rate):
    seconds = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * 1000 * seconds).astype(np.float32)
    resampled = audio.resample(tone, rate, 16000)
    expected = np.sin(2 * np.pi * 1000 * np.arange(32000) / 16000)
    assert (resampled.dtype, len(resampled)) == (np.float32, 32000)
    assert np.abs(resampled - expected)[800:-800].max() < 2e-3


@pytest.mark.parametrize("rate", [1, 1999, 768001])
def test_rates_that_are_not_of_speech_are_refused(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.ones(100, np.float32), rate)
    with pytest.raises(AudioError, match=rf"a\.wav: sample rate {rate} Hz; allowed: 2000 to 768000"):
        audio.read(tmp_path / "a.wav")
