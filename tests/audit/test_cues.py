"""Cues: clips with a planted difference, unmeasurable clips, any number of workers."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audited_set import delayed, measured, write_set
from codecfake.audio import io as audio
from codecfake.audit.cues import Cues, against, cue_table, measure
from codecfake.corpora.released import open_set
from codecfake.corpora.released_files import Parquet
from codecfake.data import tables
from codecfake.data.shards import shard_row, write_shard
from codecfake.util.errors import AudioError

RATE = 16000


@pytest.fixture
def clip(tmp_path):
    """clip(samples, codec="codec", rate=16000, subtype="PCM_16", container="WAV"): make a clip of utterance s_1."""

    def make(samples, codec="codec", rate=RATE, subtype="PCM_16", container="WAV"):
        folder = tmp_path / f"{codec}{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        path = folder / f"{codec}+s_1.{container.lower()}"
        soundfile.write(path, samples, rate, subtype, format=container)
        return open_set(folder).clips("identity" if codec == "genuine" else codec)[0]

    return make


def test_cues_include_the_file_format(clip, speech):
    found = measure(clip(speech(0.5, 24000), rate=24000, container="FLAC", subtype="PCM_24"), None)
    assert [found[name] for name in ("container", "subtype", "sample_rate", "num_samples")] == [
        "FLAC",
        "PCM_24",
        24000,
        12000,
    ]
    assert [found[name] for name in ("utterance_id", "speaker_id", "label")] == ["s_1", "s", "spoof"]


def test_sample_statistics_are_those_of_the_pcm_samples(clip, speech):
    pcm = (speech(0.5) * 3000 + 330).astype(np.int16)
    found = measure(clip(pcm), None)
    assert found["peak"] == pytest.approx(np.abs(pcm).max() / 32768, abs=1e-6)
    assert found["dc"] == pytest.approx(pcm.mean() / 32768, abs=1e-6)
    assert (found["on_grid_share"], found["step"], found["clipped_share"]) == (1, 1, 0)


def test_level_silence_and_band_do_not_depend_on_the_rate(clip, speech):
    sound = np.pad(speech(1.0, 48000), (14400, 9600)) + 1e-3 * np.random.default_rng(0).normal(size=72000)
    found = [
        measure(clip(audio.resample(sound.astype(np.float32), 48000, rate), rate=rate), None) for rate in (RATE, 48000)
    ]
    for name in ("leading_silence_s", "trailing_silence_s"):
        assert found[0][name] == pytest.approx(found[1][name], abs=0.011)
    for name in ("level_dbfs", "above_7khz_db"):
        assert found[0][name] == pytest.approx(found[1][name], abs=0.3)
    assert found[0]["leading_silence_s"] == pytest.approx(0.3, abs=0.05)
    assert [one["bandwidth_hz"] for one in found] == pytest.approx([8000, 24000], abs=500)
    assert found[1]["bandwidth_at_16k_hz"] == pytest.approx(8000, abs=200)
    assert np.isnan(found[0]["above_8khz_db"])
    assert found[1]["above_8khz_db"] > -60


@pytest.mark.parametrize("rate", [RATE, 24000, 44100])
@pytest.mark.parametrize("lag", [-8, 7.5, 123.25])
def test_delay_gain_and_length_are_relative_to_bona_fide(clip, speech, rate, lag):
    bonafide = speech(1.0)
    spoof = 0.5 * audio.resample(delayed(bonafide, lag).astype(np.float32), RATE, rate)
    found = measure(clip(np.append(spoof, np.zeros(10)), rate=rate), clip(bonafide, "genuine", subtype="FLOAT"))
    assert found["delay"] == pytest.approx(lag, abs=0.1)
    assert found["gain_db"] == pytest.approx(20 * np.log10(0.5), abs=0.1)
    assert found["correlation"] > 0.98
    assert found["length_difference"] == 10


def test_gain_is_the_level_ratio_even_with_codec_noise(speech):
    bonafide = speech(1.0)
    noise = np.random.default_rng(0).normal(0, np.std(bonafide), len(bonafide)).astype(np.float32)
    spoof = (bonafide + noise) / np.sqrt(2)
    found = against(bonafide, spoof)
    assert found["correlation"] == pytest.approx(0.71, abs=0.05)
    assert found["gain_db"] == pytest.approx(0, abs=0.4)


def test_inverted_clip_has_negative_correlation(speech):
    found = against(speech(1.0), -speech(1.0))
    assert found["correlation"] == pytest.approx(-1)
    assert (found["delay"], found["gain_db"]) == pytest.approx((0, 0), abs=1e-3)


def test_relative_cues_without_bona_fide_recording_are_undefined(clip, speech, tmp_path):
    table = cue_table([clip(speech(0.5))], [], 1, "codec")
    assert table[["delay", "correlation", "gain_db", "length_difference"]].isna().all(axis=None)
    tables.write(table, Cues, tmp_path / "cues.tsv")
    assert tables.read(tmp_path / "cues.tsv", Cues).equals(table)


@pytest.mark.parametrize("num_samples", [1, 2, 100, 1599, 8000])
def test_silent_and_short_clips_have_cues(clip, speech, num_samples):
    bonafide = clip(speech(1.0)[4000 : 4000 + num_samples], "genuine")
    silence = clip(np.zeros(num_samples))
    table = cue_table([silence], [bonafide], 1, "codec")
    assert table[["delay", "correlation", "gain_db"]].isna().all(axis=None)
    assert (table["length_difference"] == 0).all()
    assert (table["peak"] == 0).all()
    cue_table([clip(speech(1.0)[4000 : 4000 + num_samples])], [silence], 1, "codec")


def test_equal_samples_in_another_container_share_only_the_samples_hash(clip, speech):
    pcm, others = (audio.to_pcm16(speech(0.5, seed=seed)) for seed in (0, 1))
    one, same, other = (
        measure(clip(*made), None) for made in ((pcm,), (pcm, "flac", RATE, "PCM_16", "FLAC"), (others,))
    )
    assert one["samples_hash"] == same["samples_hash"] != other["samples_hash"]
    assert one["bytes_hash"] != same["bytes_hash"]
    slower = measure(clip(pcm, rate=8000), None)
    assert slower["samples_hash"] != one["samples_hash"]


def test_undecodable_clip_is_named(clip, speech):
    broken = clip(speech(0.5))
    Path(broken.name).write_bytes(b"RIFFnot a wave file at all")
    with pytest.raises(AudioError, match=r"codec\+s_1\.wav: cannot be decoded"):
        cue_table([broken], [], 1, "codec")


def test_cues_do_not_depend_on_the_number_of_workers(tmp_path, speech):
    folder = write_set(tmp_path, speech, ["gain"])
    one, three = measured(folder), measured(folder, workers=3)
    assert all(one[codec].equals(three[codec]) for codec in one)


def test_cues_of_several_shards_are_sorted_by_utterance(tmp_path, speech):
    names = ["b_1", "a_1", "c_1", "a_2"]
    for shard in range(2):
        rows = [
            shard_row(
                speech(0.3, seed=place), RATE, label="spoof", speaker_id=name[0], utterance_id=name, codec_name="x"
            )
            for place, name in list(enumerate(names))[shard::2]
        ]
        write_shard(tmp_path / f"{shard:03d}.parquet", rows)
    clips = [clip for path in sorted(tmp_path.iterdir()) for clip in Parquet(path).clips()]
    table = cue_table(clips, clips, 2, "x")
    assert list(table["utterance_id"]) == sorted(names)
    assert set(table["container"]) == {"FLAC"}
    assert (table["delay"] == 0).all()


def test_stereo_file_is_measured_as_mono(tmp_path, speech):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([speech(0.5), np.zeros(8000)], axis=1), RATE, format="WAV", subtype="FLOAT")
    (tmp_path / "codec+s_1.wav").write_bytes(buffer.getvalue())
    found = measure(open_set(tmp_path).clips("codec")[0], None)
    assert found["peak"] == pytest.approx(np.abs(speech(0.5)).max() / 2, abs=1e-6)
    assert found["num_samples"] == 8000
