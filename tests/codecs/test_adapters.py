"""Codec adapters: included miniatures, published file formats, damaged and malicious files."""

import os
import sys

import numpy as np
import pytest
import torch

from codecfake import codecs
from codecfake.audio import intelligibility
from codecfake.audio import io as audio
from codecfake.codecs.fast import make_fast
from codecfake.data.checkpoints import half_state_dict, read_checkpoint
from codecfake.fetch import download
from codecfake.pipeline import config
from codecfake.resynthesis.resynthesis import through_codec
from codecfake.util.errors import AudioError, CheckpointError, ConfigError

MINIATURES = [name for name in config.codecs() if name.endswith("_mini")]
LYRA = {"lyra_3.2kbps": 2.0, "lyra_6kbps": 2.2, "lyra_9.2kbps": 2.4}


def load(name, mirror=None, cache=None):
    entry = config.codec(name)
    places = download.Places(cache, mirror)
    files = {role: download.fetch(file["key"], file, places) for role, file in entry["files"].items()}
    return codecs.load(entry, files, "cpu")


@pytest.mark.parametrize("name", MINIATURES)
def test_miniature_reproduces_speech(name, speech):
    codec = load(name)
    waveform = speech(seconds=2.0, sample_rate=codec.sample_rate)
    decoded = through_codec([waveform], [name], codec, "clean")[0]
    assert np.corrcoef(decoded, waveform)[0, 1] > 0.7


@pytest.mark.parametrize("recipe", ["published", "clean", "raw"])
@pytest.mark.parametrize("name", [*MINIATURES, "identity"])
def test_output_does_not_depend_on_the_batch(name, recipe, speech, batching):
    """Random lengths, some equal, some multiples of the hop, in random batches, compared with single utterances."""
    codec, rng = load(name), np.random.default_rng(len(name))
    lengths = rng.integers(max(codec.hop, 800), 12000, 6)
    lengths[1], lengths[2] = lengths[0], lengths[3] // codec.hop * codec.hop
    utterances = [0.8 * speech(1.0, codec.sample_rate, seed)[:length] for seed, length in enumerate(lengths)]
    alone = [through_codec([samples], ["u"], codec, recipe)[0] for samples in utterances]
    for order in (rng.permutation(6), rng.permutation(6)[:4]):
        together = through_codec([utterances[index] for index in order], list(map(str, order)), codec, recipe)
        for index, samples in zip(order, together, strict=True):
            steps = audio.to_pcm16(samples).astype(int) - audio.to_pcm16(alone[index])
            assert np.abs(steps).max() <= 1, lengths[index]


@pytest.mark.parametrize("name", MINIATURES)
@pytest.mark.parametrize("num_samples", [800, 801, 863, 864, 2000, 4096, 8191, 16000])
def test_output_length_predicts_the_length(name, num_samples):
    codec = load(name)
    with torch.inference_mode():
        assert codec.resynthesise(torch.zeros(1, num_samples)).shape == (1, codec.output_length(num_samples))


@pytest.mark.parametrize("recipe", ["published", "clean"])
@pytest.mark.parametrize("name", MINIATURES)
@pytest.mark.parametrize("kind", ["silence", "50 ms", "60 s", "clipping"])
def test_unusual_utterances_give_finite_output_of_full_length(name, kind, recipe, speech):
    codec = load(name)
    samples = {
        "silence": lambda: np.zeros(16000, np.float32),
        "50 ms": lambda: speech(0.05),
        "60 s": lambda: np.tile(speech(2.0), 30),
        "clipping": lambda: np.sign(speech(1.0)),
    }[kind]()
    (decoded,) = through_codec([samples], [kind], codec, recipe)
    assert abs(len(decoded) - len(samples)) < codec.hop + 160
    assert np.isfinite(decoded).all()
    if recipe == "clean":
        assert len(decoded) == len(samples)
    if kind == "silence":
        assert np.abs(decoded).max() < 0.1


@pytest.mark.parametrize("name", MINIATURES)
def test_clean_output_is_aligned_within_a_sample(name, speech):
    codec = load(name)
    for seconds in (1.0, 1.005):  # an even and an odd number of spectrum frames
        samples = speech(seconds, codec.sample_rate, seed=3)
        decoded = through_codec([samples], [name], codec, "clean")[0]
        lags = range(-40, 41)
        products = [float(np.dot(np.roll(decoded, -lag)[50:-50], samples[50:-50])) for lag in lags]
        assert abs(lags[int(np.argmax(products))]) <= 1


@pytest.mark.parametrize("name", MINIATURES)
def test_included_checkpoint_is_small(name):
    sizes = [file["bytes"] for file in config.codec(name)["files"].values()]
    assert sum(sizes) <= 1.5e6


@pytest.mark.parametrize("name", MINIATURES)
def test_codecs_yaml_states_the_number_of_parameters(name):
    entry = config.codec(name)
    model = codecs.family_class(entry["family"]).build(entry)
    assert sum(parameter.numel() for parameter in model.parameters()) == entry["parameters"]


@pytest.mark.parametrize("name", MINIATURES)
def test_saved_adapter_loads_again(name, tmp_path):
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
    make_fast(theirs)
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for key, value in ours.state_dict().items():
        state = key.endswith("pad_buffer")  # AudioDec's state from the previous signal; see test_audiodec_network.py
        assert state or torch.equal(value, expected[key]), key


STATED = [name for name in MINIATURES if name != "encodec_mini"]  # an EnCodec file has no config


@pytest.mark.parametrize("name", STATED)
@pytest.mark.parametrize(("key", "value"), [("sample_rate", 24000), ("hop", 7), ("n_q", 99)])
def test_model_of_another_rate_hop_or_number_of_codebooks_is_refused(name, key, value):
    entry = config.codec(name)
    files = {role: download.REPOSITORY / file["key"] for role, file in entry["files"].items()}
    message = rf"{name}/.*: the model's {key} is {entry[key]}; the codec's entry has {value}"
    with pytest.raises(CheckpointError, match=message):
        codecs.load({**entry, key: value}, files, "cpu")


def test_dac_file_with_arguments_of_a_newer_release_is_loaded(tmp_path):
    entry, content = config.codec("dac_mini"), read_checkpoint(download.REPOSITORY / "checkpoints/dac_mini/weights.pth")
    content["metadata"]["kwargs"]["causal"] = False
    torch.save(content, tmp_path / "weights.pth")
    loaded, expected = codecs.load(entry, {"checkpoint": tmp_path / "weights.pth"}, "cpu"), load("dac_mini")
    assert all(map(torch.equal, loaded.model.state_dict().values(), expected.model.state_dict().values()))


@pytest.mark.parametrize("name", ["dac_mini", "speechtokenizer_mini"])
def test_upstream_loader_reads_the_included_checkpoint(name):
    files = {role: str(download.REPOSITORY / file["key"]) for role, file in config.codec(name)["files"].items()}
    if name == "dac_mini":
        import dac

        model = dac.DAC.load(files["checkpoint"])
    else:
        from speechtokenizer import SpeechTokenizer

        model = SpeechTokenizer.load_from_checkpoint(files["config"], files["checkpoint"])
    assert_same_function(load(name).model, model)


@pytest.mark.usefixtures("pesq")
@pytest.mark.parametrize(("name", "least_pesq"), LYRA.items())
def test_lyra_resynthesises_genuine_speech(name, least_pesq, shared, tmp_path):
    codec = load(name, str(shared / "mirror"), tmp_path)
    genuine, rate = audio.read(shared / "data" / "codecfake-samples" / "genuine+p295_144.wav")
    decoded = through_codec([audio.resample(genuine, rate, 16000)], [name], codec, "clean")[0]
    assert intelligibility.pesq_wb(audio.resample(genuine, rate, 16000), decoded, 16000) > least_pesq


def test_lyra_keeps_no_state_between_utterances(shared, speech, tmp_path):
    codec = load("lyra_3.2kbps", str(shared / "mirror"), tmp_path)
    waveform = torch.from_numpy(speech(0.4))[None]
    first = codec.resynthesise(waveform)
    codec.resynthesise(torch.from_numpy(speech(0.3, seed=1))[None])
    assert torch.equal(codec.resynthesise(waveform), first)


def test_identity_returns_its_input(speech):
    waveform = torch.from_numpy(speech())[None]
    assert torch.equal(load("identity").resynthesise(waveform), waveform)


def test_unknown_family_is_refused_with_allowed_values():
    with pytest.raises(ConfigError, match=r"'opus'.*encodec.*lyra"):
        codecs.family_class("opus")


@pytest.mark.parametrize("name", MINIATURES)
@pytest.mark.parametrize("damage", ["missing", "random bytes", "truncated", "other model"])
def test_a_damaged_checkpoint_is_refused(name, damage, tmp_path):
    entry = config.codec(name)
    files = {role: download.REPOSITORY / file["key"] for role, file in entry["files"].items()}
    role = weights_role(entry)
    broken = tmp_path / "broken.pth"
    if damage == "random bytes":
        broken.write_bytes(bytes(range(256)) * 20)
    elif damage == "truncated":
        broken.write_bytes(files[role].read_bytes()[:-5000])
    elif damage == "other model":
        torch.save({"weight": torch.zeros(3)}, broken)
    with pytest.raises(CheckpointError, match=r"broken\.pth"):
        codecs.load(entry, {**files, role: broken}, "cpu")


def weights_role(entry):
    """Return a role whose file is a checkpoint."""
    return "checkpoint" if "checkpoint" in entry["files"] else "autoencoder"


class Hostile:
    """A pickle that runs a command when loaded."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("name", MINIATURES)
def test_malicious_checkpoint_runs_no_code(name, tmp_path):
    entry = config.codec(name)
    files = {role: download.REPOSITORY / file["key"] for role, file in entry["files"].items()}
    hostile, trace = tmp_path / "hostile.pth", tmp_path / "trace"
    torch.save({"state_dict": Hostile(trace), "model": Hostile(trace)}, hostile)
    with pytest.raises(CheckpointError, match=r"hostile\.pth"):
        codecs.load(entry, {**files, weights_role(entry): hostile}, "cpu")
    assert not trace.exists()


CONFIGS = {
    "speechtokenizer_mini": "config",
    "academicodec_mini": "config",
    "audiodec_mini": "vocoder_config",
    "funcodec_mini": "config",
    "freqcodec_mini": "config",
}


@pytest.mark.parametrize(("name", "role"), CONFIGS.items())
@pytest.mark.parametrize(
    "content", [None, "{", "[]", "{}", "\xff"], ids=["missing", "truncated", "list", "empty", "binary"]
)
def test_invalid_model_config_is_named(name, role, content, tmp_path):
    entry = config.codec(name)
    files = {key: download.REPOSITORY / file["key"] for key, file in entry["files"].items()}
    broken = tmp_path / "broken.cfg"
    if content is not None:
        broken.write_bytes(content.encode("latin1"))
    with pytest.raises(CheckpointError, match=r"broken\.cfg"):
        codecs.load(entry, {**files, role: broken}, "cpu")


def test_unknown_value_in_a_model_config_is_refused_with_allowed_values(tmp_path):
    entry = config.codec("funcodec_mini")
    files = {key: download.REPOSITORY / file["key"] for key, file in entry["files"].items()}
    text = files["config"].read_text().replace("encodec_seanet_encoder", "conformer")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(CheckpointError, match=r"encoder: 'conformer'; allowed: 'encodec_seanet_encoder'"):
        codecs.load(entry, {**files, "config": tmp_path / "config.yaml"}, "cpu")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "codecfake.codecs.lyra", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.delitem(sys.modules, "codecfake.codecs.lyra")
    with pytest.raises(ConfigError, match=r"'lyra' needs the package .*ai_edge_litert.*envs/requirements\.txt"):
        codecs.family_class("lyra")


def test_nan_in_funcodec_raises_an_error():
    codec = load("funcodec_mini")
    with pytest.raises(AudioError, match="NaN"), torch.inference_mode():
        codec.resynthesise(torch.full((1, 2000), float("nan")))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_numpy_scalars_in_a_checkpoint_are_read(legacy, tmp_path):
    content = {"weight": torch.ones(2), "loss": np.float64(0.5), "step": np.int64(3)}
    torch.save(content, tmp_path / "checkpoint.pkl", _use_new_zipfile_serialization=not legacy)
    assert read_checkpoint(tmp_path / "checkpoint.pkl")["loss"] == 0.5


def test_published_file_is_chosen_among_several(tmp_path):
    entry = config.codec("descript-audio-codec-16khz")
    for name in ("weights_16khz.pth", "weights_24khz.pth"):
        (tmp_path / name).touch()
    assert codecs.find_files(entry, tmp_path) == {"checkpoint": tmp_path / "weights_16khz.pth"}
    (tmp_path / "weights_16khz.pth").rename(tmp_path / "weights_mine.pth")
    with pytest.raises(CheckpointError, match=r"one file weights\*\.pth .*found: weights_24khz.pth, weights_mine.pth"):
        codecs.find_files(entry, tmp_path)


def test_published_model_is_chosen_among_several(tmp_path):
    entry = config.codec("audiodec_24k_320d")
    keys = {role: file["key"].removeprefix("audiodec/") for role, file in entry["files"].items()}
    others = [key.replace("symAD", "asymAD").replace("_v1_", "_v3_") for key in keys.values()]
    for key in [*keys.values(), *others]:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()
    assert codecs.find_files(entry, tmp_path) == {role: tmp_path / key for role, key in keys.items()}
    (tmp_path / keys["vocoder"]).rename(tmp_path / "vocoder" / "checkpoint-1steps.pkl")
    with pytest.raises(
        CheckpointError, match=r"\(vocoder\) is needed; found: vocoder/AudioDec_v3_.*, vocoder/checkpoint-1"
    ):
        codecs.find_files(entry, tmp_path)
