"""Every published configuration at full size: its files load, sample rate and lengths are the official ones, and the
output equals that of the upstream implementation with the same weights."""

import numpy as np
import pytest
import soundfile
import torch

import published
from codecfake import codecs
from codecfake.audio import io as audio
from codecfake.pipeline import config
from codecfake.resynthesis.resynthesis import through_codec
from golden import fill_state_dict, golden

#: Lengths (samples at 48 kHz) of the recordings of the official utterances, derived as the only ones that give the
#: official lengths of every codec (16, 24 and 44.1 kHz).
OFFICIAL = {"p225_273": 307416, "p295_144": 207005}
GOLDEN = {
    "SpeechTokenizer": "SpeechTokenizer",
    "academicodec_hifi_16k_320d": "academicodec_hifi_16k_320d",
    "audiodec_24k_320d": "audiodec_24k_320d",
    "encodec_24khz": "encodec_24khz",
    "funcodec-funcodec_en_libritts-16k-gr1nq32ds320": "funcodec_en_libritts-16k-gr1nq32ds320",
    "funcodec-funcodec_en_libritts-16k-nq32ds320": "funcodec_en_libritts-16k-nq32ds320",
}


def published_length(codec, num_samples):
    return num_samples if codec.entry.get("length") == "input" else codec.output_length(num_samples)


@pytest.mark.parametrize("name", published.MODELS)
def test_a_full_size_checkpoint_loads_and_resynthesises(name, tmp_path, speech):
    entry = config.codec(name)
    published.save(name, tmp_path)
    codec = codecs.load(entry, codecs.find_files(entry, tmp_path), "cpu")
    seconds = 1.1 if codec.windowed else 0.3  # a window has 1 s
    whole = audio.resample(speech(seconds, 48000), 48000, codec.sample_rate)
    for samples in (whole, whole[: codec.hop], np.sign(whole[:2000]), np.zeros(2000, np.float32)):
        for recipe in ("published", "clean"):
            decoded = through_codec([samples], [name], codec, recipe)[0]
            assert decoded.dtype == np.float32
            assert len(decoded) == (published_length(codec, len(samples)) if recipe == "published" else len(samples))
    if "parameters" in entry:
        assert sum(p.numel() for p in published.build(name, "meta").model.parameters()) == entry["parameters"]


@pytest.mark.parametrize("name", published.MODELS)
def test_rate_and_length_equal_the_official_samples(name, shared):
    codec = published.build(name, "meta")
    for utterance, num_samples in OFFICIAL.items():
        info = soundfile.info(shared / "data" / "codecfake-samples" / f"{name}+{utterance}.wav")
        ours = published_length(codec, audio.resampled_length(num_samples, 48000, codec.sample_rate))
        assert (codec.sample_rate, ours) == (info.samplerate, info.frames)


@pytest.mark.parametrize("name", GOLDEN)
def test_output_equals_upstream(name, shared, tmp_path):
    expected = golden(shared, GOLDEN[name])
    entry = config.codec(name)
    published.save(name, tmp_path, lambda state: fill_state_dict(shared, state))
    codec = codecs.load(entry, codecs.find_files(entry, tmp_path), "cpu")
    decoded = through_codec([expected.input], [name], codec, "raw")[0]
    common = min(len(decoded), len(expected.output))
    assert abs(len(decoded) - len(expected.output)) < codec.hop
    difference = np.abs(decoded[:common] - expected.output[:common])
    if name == "SpeechTokenizer":  # rounding flips some codes, which changes samples in their frames
        assert (difference <= 1e-4 * np.abs(expected.output).max()).mean() > 0.95
    else:
        assert difference.max() <= 1e-4


@pytest.mark.parametrize("name", ["academicodec_hifi_16k_320d", "audiodec_24k_320d"])
def test_codes_equal_upstream(name, shared):
    expected = golden(shared, GOLDEN[name])
    codec = published.build(name)
    for part in codec.model.children():
        part.load_state_dict(fill_state_dict(shared, part.state_dict()))
    with torch.inference_mode():
        codes = codec.model.encode(torch.from_numpy(expected.input)[None, None])[0]
    ours = codes.T if name.startswith("academicodec") else codes
    assert (ours.numpy() == expected.codes.reshape(ours.shape)).mean() >= 0.99


@pytest.mark.parametrize("name", ["academicodec_hifi_16k_320d", "audiodec_24k_320d"])
def test_networks_have_the_published_keys_and_shapes(name, shared):
    model = published.build(name, "meta").model
    ours = {
        f"{part}/{key}": list(value.shape)
        for part, module in model.named_children()
        for key, value in module.state_dict().items()
    }
    assert ours == golden(shared, GOLDEN[name]).keys


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.startswith("funcodec")])
def test_funcodec_has_the_published_keys_and_ignores_discriminator_keys(name, shared, tmp_path):
    expected = golden(shared, GOLDEN[name])
    state = published.build(name, "meta").model.state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == expected.keys
    entry = config.codec(name)
    published.save(name, tmp_path, lambda state: {**state, "discriminator.weight": torch.zeros(3)})
    codecs.load(entry, codecs.find_files(entry, tmp_path), "cpu")


def test_encodec_uses_the_codebooks_of_its_bandwidth():
    for kbps, n_q in {1.5: 2, 3: 4, 6: 8, 12: 16, 24: 32}.items():
        name = "encodec_24khz" + ("" if kbps == 1.5 else f"_{kbps}kbps")
        entry = config.codec(name)
        assert (entry["n_q"], entry["bandwidth_kbps"]) == (n_q, kbps)
        with torch.device("meta"):
            ((codes, _),) = codecs.family_class("encodec").build(entry).encode(torch.zeros(1, 1, 640))
        assert codes.shape == (1, n_q, 2)


@pytest.mark.parametrize("name", published.MODELS)
def test_codecs_yaml_agrees_with_the_model(name):
    entry, model = config.codecs()[name], published.MODELS[name]
    bits = 10 * entry["n_q"] * entry["sample_rate"] / entry["hop"] / 1000
    assert bits == pytest.approx(entry["bandwidth_kbps"], abs=0.005)
    strides = {
        "speechtokenizer": lambda: model["strides"],
        "academicodec": lambda: model["upsample_rates"],
        "audiodec": lambda: model["autoencoder"]["enc_strides"],
        "dac": lambda: model["encoder_rates"],
    }
    if entry["family"] in strides:
        assert np.prod(strides[entry["family"]]()) == entry["hop"]
