"""Adapters: the carried miniatures, published file formats, full-size models, damaged and hostile files."""

import importlib.util
import json
import os

import numpy as np
import pytest
import torch

from codecfake import codecs, config, download, quality
from codecfake.codecs.base import fold_weight_norm, half_state_dict
from codecfake.errors import CheckpointError, ConfigError

MINIATURES = ("encodec_mini", "dac_mini", "speechtokenizer_mini")
LYRA = {"lyra_3.2kbps": 2.0, "lyra_6kbps": 2.2, "lyra_9.2kbps": 2.4}
FULL_SIZE = {
    "encodec_24khz": {
        "family": "encodec",
        "sample_rate": 24000,
        "hop": 320,
        "n_q": 2,
        "bandwidth_kbps": 1.5,
        "model": {"n_q": 32},
    },
    "SpeechTokenizer": {"family": "speechtokenizer", "sample_rate": 16000, "hop": 320, "n_q": 8},
}


def load(name, mirror=None, cache=None):
    entry = config.codec(name)
    files = {role: download.fetch(file["key"], file, cache, mirror) for role, file in entry["files"].items()}
    return codecs.load(entry, files, "cpu")


@pytest.mark.parametrize("name", MINIATURES)
def test_a_miniature_gives_speech_back(name, speech):
    codec = load(name)
    waveform = speech(seconds=2.0, sample_rate=codec.sample_rate)
    with torch.inference_mode():
        decoded = codec.resynthesise(torch.from_numpy(waveform)[None])[0].numpy()
    assert abs(len(decoded) - len(waveform)) < codec.hop
    common = min(len(decoded), len(waveform))
    assert np.corrcoef(decoded[:common], waveform[:common])[0, 1] > 0.7


@pytest.mark.parametrize("name", MINIATURES)
def test_equal_length_batches_agree_with_single_utterances(name, speech):
    codec = load(name)
    batch = torch.from_numpy(np.stack([speech(0.5, codec.sample_rate, seed) for seed in range(3)]))
    with torch.inference_mode():
        together = codec.resynthesise(batch)
        alone = torch.cat([codec.resynthesise(waveform[None]) for waveform in batch])
    assert torch.allclose(together, alone, atol=2e-5)


@pytest.mark.parametrize("name", MINIATURES)
def test_a_carried_checkpoint_is_small(name):
    sizes = [file["bytes"] for file in config.codec(name)["files"].values()]
    assert sum(sizes) <= 1.5e6


@pytest.mark.parametrize("name", MINIATURES)
def test_what_an_adapter_saves_it_loads_again(name, tmp_path):
    entry = config.codec(name)
    adapter_class = codecs.family_class(entry["family"])
    torch.manual_seed(0)
    saved = adapter_class(entry, adapter_class.build(entry))
    files = {role: tmp_path / role for role in entry["files"]}
    saved.save(files)
    expected = adapter_class.build(entry)
    expected.load_state_dict(half_state_dict(saved.model))
    assert_same_function(codecs.load(entry, files, "cpu").model, expected)


def assert_same_function(ours, theirs):
    fold_weight_norm(theirs)
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for key, value in ours.state_dict().items():
        assert torch.equal(value, expected[key]), key


@pytest.mark.parametrize("name", ["dac_mini", "speechtokenizer_mini"])
def test_the_packages_own_loader_reads_the_carried_file(name):
    files = {role: str(download.REPOSITORY / file["key"]) for role, file in config.codec(name)["files"].items()}
    if name == "dac_mini":
        import dac

        model = dac.DAC.load(files["checkpoint"])
    else:
        from speechtokenizer import SpeechTokenizer

        model = SpeechTokenizer.load_from_checkpoint(files["config"], files["checkpoint"])
    assert_same_function(load(name).model, model)


@pytest.mark.parametrize("name", FULL_SIZE)
def test_full_size_models_agree_with_their_upstream(name, shared, tmp_path):
    golden = shared / "golden" / name
    fill = _fill_state_dict(shared)
    entry = dict(FULL_SIZE[name])
    files = {"checkpoint": tmp_path / "checkpoint", "config": tmp_path / "config.json"}
    description = json.loads((golden / "model.json").read_text())
    files["config"].write_text(json.dumps(description["config"]))
    family = codecs.family_class(entry["family"])
    model = family.build({**entry, "model": {**entry.get("model", {}), **_model_arguments(name, description)}})
    torch.save(fill(model.state_dict()), files["checkpoint"])
    codec = codecs.load(entry, files, "cpu")
    vectors = np.load(golden / "vectors.npz")
    with torch.inference_mode():
        decoded = codec.resynthesise(torch.from_numpy(vectors["input"]).reshape(1, -1))[0].numpy()
    expected = vectors["output"].reshape(-1)
    common = min(len(decoded), len(expected))
    assert abs(len(decoded) - len(expected)) < codec.hop
    close = np.abs(decoded[:common] - expected[:common]) <= 1e-4 * max(1.0, np.abs(expected).max())
    # a code may flip on rounding, and changes the samples of its frame only
    assert close.mean() > 0.95


def _model_arguments(name, description):
    return {} if name == "encodec_24khz" else description["config"]


def _fill_state_dict(shared):
    spec = importlib.util.spec_from_file_location("golden_fill", shared / "golden" / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fill_state_dict


@pytest.mark.parametrize(("name", "least_pesq"), LYRA.items())
def test_lyra_resynthesises_genuine_speech(name, least_pesq, shared, tmp_path):
    from codecfake import audio
    from codecfake.resynthesise import through_codec

    codec = load(name, str(shared / "mirror"), tmp_path)
    genuine, rate = audio.read(shared / "data" / "codecfake-samples" / "genuine+p295_144.wav")
    decoded = through_codec([audio.resample(genuine, rate, 16000)], [name], codec, "clean")[0]
    assert quality.pesq_wb(audio.resample(genuine, rate, 16000), decoded, 16000) > least_pesq


def test_lyra_keeps_no_state_between_utterances(shared, speech, tmp_path):
    codec = load("lyra_3.2kbps", str(shared / "mirror"), tmp_path)
    waveform = torch.from_numpy(speech(0.4))[None]
    first = codec.resynthesise(waveform)
    codec.resynthesise(torch.from_numpy(speech(0.3, seed=1))[None])
    assert torch.equal(codec.resynthesise(waveform), first)


def test_identity_changes_nothing(speech):
    waveform = torch.from_numpy(speech())[None]
    assert torch.equal(load("identity").resynthesise(waveform), waveform)


def test_an_unknown_family_is_named_with_those_allowed():
    with pytest.raises(ConfigError, match=r"'opus'.*encodec.*lyra"):
        codecs.family_class("opus")


@pytest.mark.parametrize("name", MINIATURES)
@pytest.mark.parametrize("damage", ["missing", "random bytes", "truncated", "other model"])
def test_a_damaged_checkpoint_is_refused(name, damage, tmp_path):
    entry = config.codec(name)
    files = {role: download.REPOSITORY / file["key"] for role, file in entry["files"].items()}
    broken = tmp_path / "broken.pth"
    if damage == "random bytes":
        broken.write_bytes(bytes(range(256)) * 20)
    elif damage == "truncated":
        broken.write_bytes(files["checkpoint"].read_bytes()[:-5000])
    elif damage == "other model":
        torch.save({"weight": torch.zeros(3)}, broken)
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        codecs.load(entry, {**files, "checkpoint": broken}, "cpu")


class Hostile:
    """Runs a command when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("name", MINIATURES)
def test_a_hostile_checkpoint_runs_nothing(name, tmp_path):
    entry = config.codec(name)
    files = {role: download.REPOSITORY / file["key"] for role, file in entry["files"].items()}
    hostile, trace = tmp_path / "hostile.pth", tmp_path / "trace"
    torch.save({"state_dict": Hostile(trace)}, hostile)
    with pytest.raises(CheckpointError, match=r"hostile\.pth"):
        codecs.load(entry, {**files, "checkpoint": hostile}, "cpu")
    assert not trace.exists()


def test_an_unreadable_speechtokenizer_config_is_named(tmp_path):
    entry = config.codec("speechtokenizer_mini")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        codecs.load(entry, {"config": tmp_path / "config.json", "checkpoint": tmp_path / "x"}, "cpu")
