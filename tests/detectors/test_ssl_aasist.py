"""SSL-AASIST: its front end against torchaudio's XLS-R 300M, its back end against the official code's logits.

The logits were recorded from model.py of TakHemlata/SSL_Anti-spoofing (commit 4acaa61) in eval mode, with the front end
replaced by `recorded_features` and the weights of `seeded`.
"""

from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torchaudio
from torch.nn.functional import cross_entropy

from codecfake import detectors
from codecfake.detectors.base import SPOOF, Detector
from codecfake.fetch.download import downloads
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.util.errors import CheckpointError, ConfigError
from golden import seeded

XLSR = torchaudio.pipelines.WAV2VEC2_XLSR_300M
ENTRY = config.detectors()["ssl_aasist"]
FRONT_END = {"channels": 16, "features": 32, "layers": 2, "heads": 4, "feed_forward": 64}
TINY = {"front_end": FRONT_END, "bands": 24, "maps": [4, 4, 8, 8, 8, 8], "nodes": [8, 8]}
LABELS = torch.arange(8) % 2

#: Gain of the weights; see `seeded`.
GAIN = 1.5
#: Logits of the official code [utterance, (spoof, bona fide)].
LOGITS = [[-0.015041, 1.999386], [-0.012116, 2.111098]]


def build(seed: int = 1, **options) -> Detector:
    seed_all(seed)
    return detectors.build({**ENTRY, "crop_samples": 4000, "model": {**ENTRY["model"], **options}}).eval()


def front_end_keys(model: torch.nn.Module) -> list[str]:
    return [key for key, _ in model.named_parameters() if key.startswith("front_end.")]


@pytest.fixture
def waveforms(speech) -> torch.Tensor:
    """Waveforms [8, 4000]."""
    return torch.from_numpy(np.stack([speech(0.25, seed=seed) for seed in range(8)]))


@pytest.fixture
def checkpoint(tmp_path):
    """A pretrained front end in torchaudio's format, a bare state_dict."""
    path = tmp_path / "front_end.pth"
    torch.save(build(seed=2, **TINY).front_end.state_dict(), path)
    return path


def recorded_features() -> torch.Tensor:
    """Return fixed features [2, 201, 1024] in place of those of XLS-R for two waveforms of 64600 samples."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal((2, 201, 1024), dtype=np.float32))


@pytest.mark.parametrize("frozen", [False, True])
def test_configured_front_end_is_xlsr_300m(frozen, monkeypatch):
    make = Mock(wraps=torchaudio.models.wav2vec2_model)
    monkeypatch.setattr(torchaudio.models, "wav2vec2_model", make)
    with torch.device("meta"):
        model = detectors.build(config.detectors()["ssl_aasist_frozen" if frozen else "ssl_aasist"])
    assert make.call_args.kwargs == XLSR._params
    assert sum(p.numel() for p in model.parameters()) == 315_884_426
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == (446_730 if frozen else 315_884_426)


def test_front_end_url_is_that_of_torchaudio():
    for entry in (ENTRY, config.detectors()["ssl_aasist_frozen"]):
        [url] = downloads()[entry["files"]["front_end"]]["urls"]
        assert url == f"https://download.pytorch.org/torchaudio/models/{XLSR._path}"


def test_front_end_file_is_refused_for_a_detector_without_front_end():
    entry = {**config.detectors()["aasist"], "files": ENTRY["files"]}
    with pytest.raises(ConfigError, match=r"my\.yaml: mine\.files"):
        config.check_detector(entry, "my.yaml", "mine")


def test_back_end_logits_equal_the_official_ones(monkeypatch):
    model = build(front_end={**FRONT_END, "features": 1024})
    back_end = {key: value for key, value in model.state_dict().items() if not key.startswith("front_end.")}
    model.load_state_dict(seeded(back_end, GAIN), strict=False)
    monkeypatch.setattr(model.front_end, "forward", lambda _: (recorded_features(), None))
    with torch.inference_mode():
        torch.testing.assert_close(model(torch.zeros(2, 64600)), torch.tensor(LOGITS), atol=1e-4, rtol=0)


def test_logits_do_not_depend_on_the_batch(waveforms):
    model = build(**TINY)
    with torch.inference_mode():
        alone = torch.cat([model(waveform[None]) for waveform in waveforms])
        torch.testing.assert_close(model(waveforms), alone, atol=1e-5, rtol=0)


def test_logits_do_not_depend_on_level_and_offset(waveforms):
    model = build(**TINY)
    # loud enough for the epsilon of the normalisation to be negligible
    with torch.inference_mode():
        torch.testing.assert_close(model(300 * waveforms), model(600 * waveforms + 5), atol=1e-4, rtol=0)


@pytest.mark.parametrize("frozen", [False, True])
def test_gradient_does_not_reach_a_frozen_front_end(frozen, waveforms):
    model = build(**TINY, frozen=frozen).train()
    cross_entropy(model(waveforms), LABELS).backward()
    untouched = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == (front_end_keys(model) if frozen else [])


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_front_end_stays_in_eval_mode(frozen):
    model = build(**TINY, frozen=frozen).train()
    assert model.training
    assert {module.training for module in model.front_end.modules()} == {not frozen}
    assert {module.training for module in model.encoder.modules()} == {True}
    assert not any(module.training for module in model.eval().modules())


@pytest.mark.parametrize("frozen", [False, True])
def test_ssl_aasist_learns_to_detect_low_passed_speech(frozen, waveforms):
    low_passed = torch.nn.functional.avg_pool1d(waveforms, 17, 1, 8)
    waveforms = torch.where(LABELS[:, None] == SPOOF, low_passed, waveforms)
    model = build(seed=4, **TINY, frozen=frozen)  # some seeds need hundreds of steps
    before = cross_entropy(model(waveforms), LABELS)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    model.train()
    for _ in range(60):
        optimiser.zero_grad()
        cross_entropy(model(waveforms), LABELS).backward()
        optimiser.step()
    assert cross_entropy(model.eval()(waveforms), LABELS) < 0.7 * before


def test_pretrained_weights_replace_only_the_front_end(checkpoint, waveforms):
    model, before, source = build(**TINY), build(**TINY).state_dict(), build(seed=2, **TINY)
    model.load_front_end(checkpoint)
    after = model.state_dict()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert changed
    assert all(key.startswith("front_end.") for key in changed)
    with torch.inference_mode():
        assert torch.equal(model.front_end(waveforms)[0], source.front_end(waveforms)[0])


def test_pretrained_front_end_with_old_weight_norm_keys_is_loaded(checkpoint):
    model, state = build(**TINY), torch.load(checkpoint)
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    older = {}
    for key, value in state.items():
        place = next((name for name in names if key.endswith(name)), None)
        older[key.replace(place, names[place]) if place else key] = value
    assert older.keys() != state.keys()
    torch.save(older, checkpoint)
    model.load_front_end(checkpoint)
    assert all(torch.equal(value, state[key]) for key, value in model.front_end.state_dict().items())


#: changes of a front end's state_dict by expected message
DAMAGE = {
    r"missing keys: 1 \(encoder.transformer.layer_norm.bias\)": lambda state: state.pop(
        "encoder.transformer.layer_norm.bias"
    ),
    r"unknown keys: 1 \(aux.weight\)": lambda state: state.update({"aux.weight": torch.zeros(1)}),
    r"other shapes: 1 \(encoder.transformer.layer_norm.bias": lambda state: state.update(
        {"encoder.transformer.layer_norm.bias": torch.zeros(3)}
    ),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_incompatible_front_end_file_is_refused(checkpoint, message):
    state = torch.load(checkpoint)
    DAMAGE[message](state)
    torch.save(state, checkpoint)
    with pytest.raises(CheckpointError, match=rf"front_end\.pth: does not fit Wav2Vec2Model: .*{message}"):
        build(**TINY).load_front_end(checkpoint)


def test_missing_front_end_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.pth: no such checkpoint"):
        build(**TINY).load_front_end(tmp_path / "none.pth")
