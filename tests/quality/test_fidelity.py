"""Comparison with the published set: identity, a delayed and scaled copy, another sample rate, sets without a match."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from codecfake.audio import distances
from codecfake.audio import io as audio
from codecfake.corpora.released import open_set
from codecfake.data import tables
from codecfake.quality import fidelity
from codecfake.util.errors import AudioError, DataError

PERFECT = {
    "same": 1,
    "rate_equal": 1,
    "length_equal": 1,
    "length_difference": 0,
    "lag": 0,
    "gain": 1,
    "si_sdr": 100,
    "pesq_wb": 4.64,
    "stoi": 1,
    "mel_distance": 0,
    "stft_distance": 0,
}


@pytest.fixture(scope="module")
def official(shared) -> Path:
    """Sample files published by the authors of CodecFake."""
    return shared / "data/codecfake-samples"


def write_set(folder: Path, clips: dict[str, np.ndarray], sample_rate: int = 16000) -> Path:
    for name, samples in clips.items():
        folder.mkdir(parents=True, exist_ok=True)
        audio.write(folder / f"{name}.wav", samples, sample_rate)
    return folder


def compare(ours: Path, published: Path, *codecs: str, most: int = 100, workers: int = 1) -> pd.DataFrame:
    return fidelity.compare(open_set(ours), open_set(published), list(codecs), most, workers)


def means(table: pd.DataFrame, codec: str) -> dict[str, float]:
    return table[table["codec"] == codec].set_index("measure")["mean"].to_dict()


@pytest.mark.usefixtures("pesq")
def test_official_samples_are_identical_to_themselves(official):
    codecs = ["identity", "audiodec_24k_320d", "descript-audio-codec-44khz"]
    table = compare(official, official, *codecs)
    assert table["codec"].unique().tolist() == codecs
    for codec in codecs:
        assert means(table, codec) == pytest.approx(PERFECT, abs=0.005)
    assert set(table["utterances"]) == {2}
    assert (table["least"] == table["most"]).all()


def delayed(samples: np.ndarray, late: float) -> np.ndarray:
    """Delay samples, also by fractions of a sample, and append 200 samples."""
    size = len(samples) + 4000
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * late)
    return np.fft.irfft(np.fft.rfft(samples, size) * turn, size)[: len(samples) + 200].astype(np.float32)


@pytest.mark.usefixtures("pesq")
@pytest.mark.parametrize("late", [0, 37, -52, 120.25])
def test_lag_and_gain_of_a_delayed_and_scaled_copy_are_found(official, tmp_path, late):
    name = "audiodec_24k_320d+p295_144"
    samples, sample_rate = audio.read(official / f"{name}.wav")
    ours = write_set(tmp_path, {name: np.float32(0.5) * delayed(samples, late)}, sample_rate)
    found = means(compare(ours, official), "audiodec_24k_320d")
    assert found["lag"] == pytest.approx(late, abs=0.01)
    assert found["gain"] == pytest.approx(0.5, abs=0.002)
    assert [found[name] for name in ("same", "length_equal", "length_difference")] == [0, 0, 200]
    assert found["si_sdr"] > 45
    assert found["stoi"] > 0.999
    assert found["pesq_wb"] > 4.5


def test_compared_equals_the_distance_functions(speech):
    published, other = speech(1.0), speech(1.0) + 0.02 * np.random.default_rng(0).standard_normal(16000).astype("f")
    found = fidelity.compared(other, 16000, published, 16000)
    for measure in ("si_sdr", "mel_distance", "stft_distance"):
        assert found[measure] == getattr(distances, measure)(published, other)
    assert found["lag"] == pytest.approx(0, abs=5e-4)


def test_our_clips_are_resampled_to_the_published_rate(tmp_path, speech):
    published = write_set(tmp_path / "published", {"dac+a_1": speech(1.0)})
    upsampled = audio.resample(speech(1.0), 16000, 48000)
    ours = write_set(tmp_path / "ours", {"dac+a_1": upsampled}, 48000)
    found = means(compare(ours, published), "dac")
    assert [found[name] for name in ("same", "rate_equal", "length_equal")] == [0, 0, 1]
    assert found["lag"] == pytest.approx(0, abs=0.01)
    assert found["si_sdr"] > 20


def test_bona_fide_speech_in_16_bit_is_near_but_not_identical_to_float(tmp_path, speech):
    published = tmp_path / "published"
    published.mkdir()
    soundfile.write(published / "genuine+a_1.wav", speech(1.0), 16000, subtype="FLOAT")
    ours = write_set(tmp_path / "ours", {"identity+a_1": speech(1.0)})
    found = means(compare(ours, published), "identity")
    assert found["same"] == 0
    assert found["length_equal"] == 1
    assert 60 < found["si_sdr"] < 100


def test_shares_means_and_ranges_are_over_shared_utterances(tmp_path, speech):
    clips = {f"dac+a_{number}": speech(0.6, seed=number) for number in range(4)}
    published = write_set(tmp_path / "published", clips | {"dac+b_1": speech(0.5)})
    changed = clips | {"dac+a_1": np.pad(clips["dac+a_1"], (0, 320)), "dac+a_2": clips["dac+a_2"][:-160]}
    ours = write_set(tmp_path / "ours", changed | {"dac+c_1": speech(0.5), "other+a_1": speech(0.5)})
    table = compare(ours, published)
    assert set(table["codec"]) == {"dac"}
    found = table.set_index("measure")
    assert found.loc["same", ["utterances", "mean", "least", "most"]].tolist() == [4, 0.5, 0, 1]
    assert found.loc["length_difference", ["mean", "least", "most"]].tolist() == [40, -160, 320]


def test_silent_clips_are_compared(tmp_path, speech):
    silence = np.zeros(8000, np.float32)
    published = write_set(tmp_path / "published", {"dac+a_1": speech(0.5), "dac+a_2": silence, "mute+a_1": silence})
    ours = write_set(tmp_path / "ours", {"dac+a_1": speech(0.5), "dac+a_2": silence, "mute+a_1": silence})
    table = compare(ours, published)
    assert means(table, "dac")["same"] == 1
    counts = table.set_index(["codec", "measure"])["utterances"]
    assert [counts["dac", "same"], counts["dac", "si_sdr"], counts["mute", "si_sdr"]] == [2, 1, 0]
    assert math.isnan(means(table, "mute")["gain"])
    dac, mute = fidelity.readable(table)[1:]
    assert dac[fidelity.readable(table)[0].index("si_sdr")] == "100"
    assert mute[fidelity.readable(table)[0].index("si_sdr")] == "-"


def test_very_short_clips_are_compared(tmp_path, speech):
    for length in (1, 10, 300):
        folder = write_set(tmp_path / str(length), {"dac+a_1": speech(1.0)[4000 : 4000 + length]})
        assert means(compare(folder, folder), "dac")["same"] == 1


def test_result_does_not_depend_on_workers_and_codecs_share_utterances(tmp_path, speech):
    clips = {f"{codec}+a_{n}": speech(0.5, seed=n) for codec in ("dac", "encodec") for n in range(6)}
    published = write_set(tmp_path / "published", clips)
    ours = write_set(tmp_path / "ours", {name: np.float32(0.9) * samples for name, samples in clips.items()})
    one, three = (compare(ours, published, most=3, workers=workers) for workers in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)
    dac, encodec = (
        one[one["codec"] == codec].set_index("measure").drop(columns="codec") for codec in ("dac", "encodec")
    )
    pd.testing.assert_frame_equal(dac, encodec, check_exact=True)


def test_table_round_trips(tmp_path, speech):
    folder = write_set(tmp_path / "set", {"dac+a_1": speech(0.5), "mute+a_1": np.zeros(8000, np.float32)})
    table = compare(folder, folder)
    tables.write(table, fidelity.Fidelity, tmp_path / "fidelity.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "fidelity.tsv", fidelity.Fidelity), table)


def test_sets_without_a_shared_codec_are_refused(tmp_path, speech):
    ours, published = (write_set(tmp_path / name, {f"{name}+a_1": speech(0.5)}) for name in ("dac", "encodec"))
    with pytest.raises(DataError, match=r"no codec is in both: .*dac has dac; .*encodec has encodec"):
        compare(ours, published)
    with pytest.raises(DataError, match="encodec: no codec 'dac'; it has encodec"):
        compare(ours, published, "dac")


def test_codec_without_a_shared_utterance_is_refused(tmp_path, speech):
    ours, published = (write_set(tmp_path / name, {f"dac+{name}_1": speech(0.5)}) for name in ("anna", "ben"))
    with pytest.raises(DataError, match=r"dac: no utterance is in both: .* has 'anna_1' and others, .* has 'ben_1'"):
        compare(ours, published)


def test_a_damaged_file_is_named(tmp_path, speech):
    folder = write_set(tmp_path / "set", {"dac+a_1": speech(0.5)})
    (folder / "dac+a_1.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"dac\+a_1\.wav: cannot be decoded"):
        compare(folder, folder)
