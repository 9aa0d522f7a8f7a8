"""RawNet2 against the logits of both official baselines, with the keys and shapes of their state_dicts.

The logits were recorded from model.py of asvspoof-challenge/2021 (LA/Baseline-RawNet2, commit 9b33f5e) and of
asvspoof-challenge/asvspoof5 (Baseline-RawNet2, commit fe23d30), run in eval mode with the weights of `seeded` on the
waveforms of `utterances`.
"""

import hashlib

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from codecfake import detectors
from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors.base import BONAFIDE, Detector
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.util.errors import ConfigError
from golden import seeded

PUBLISHED = config.detectors()["rawnet2"]
SMALL = {**PUBLISHED, "crop_samples": 8000, "model": {**PUBLISHED["model"], "recurrent": 32, "layers": 1}}

#: Gain of the weights, large enough for different logits and small enough for equal rounding.
GAIN = 3
#: Official outputs [utterance, (spoof, bona fide)]: log probabilities of ASVspoof 2021, logits of ASVspoof 5.
LOG_PROBABILITIES = [[-1.314877, -0.312668], [-1.337306, -0.30456]]
LOGITS = [[-2.630365, -0.033373], [-1.254985, 0.764706]]


def build(entry: dict, **options) -> Detector:
    seed_all(1)
    return detectors.build({**entry, "model": {**entry["model"], **options}}).eval()


@pytest.fixture
def utterances(speech) -> torch.Tensor:
    """Return waveforms [2, 64600]."""
    return torch.from_numpy(np.stack([speech(4.0375, seed=seed) for seed in range(2)]))


@pytest.fixture
def waveforms(speech) -> torch.Tensor:
    """Waveforms [8, 8000]."""
    return torch.from_numpy(np.stack([speech(0.5, seed=seed) for seed in range(8)]))


def test_state_dict_has_the_official_keys_and_shapes():
    model = build(PUBLISHED)
    assert sum(p.numel() for p in model.parameters()) == 17_621_410
    lines = [f"{key} {tuple(value.shape)}" for key, value in sorted(model.state_dict().items())]
    assert len(lines) == 119
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == "1306b4b79ccb3f56"


@pytest.mark.parametrize("preactivation", [False, True])
def test_logits_equal_the_official_ones(preactivation, utterances, tmp_path):
    model, path = build(PUBLISHED, preactivation=preactivation), tmp_path / "official.pth"
    torch.save(seeded(model.state_dict(), GAIN), path)
    load_state(model, read_checkpoint(path), path)
    with torch.inference_mode():
        logits = model(utterances)
    found, expected = (logits, LOGITS) if preactivation else (logits.log_softmax(1), LOG_PROBABILITIES)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


def test_logits_do_not_depend_on_the_batch(waveforms):
    model = build(SMALL)
    with torch.inference_mode():
        alone = torch.cat([model(waveform[None]) for waveform in waveforms])
        torch.testing.assert_close(model(waveforms), alone, atol=1e-5, rtol=0)


def test_schema_refuses_only_crops_that_are_too_short():
    model = build(SMALL)
    config.check_detector({**SMALL, "crop_samples": 3211}, "my.yaml", "mine")
    assert model(torch.zeros(1, 3211)).shape == (1, 2)
    with pytest.raises(ConfigError, match=r"my\.yaml: mine\.crop_samples: 3210 is not allowed; allowed: at least 3211"):
        config.check_detector({**SMALL, "crop_samples": 3210}, "my.yaml", "mine")
    with pytest.raises(RuntimeError, match="output size: 0"):
        model(torch.zeros(1, 3210))


@pytest.mark.parametrize("preactivation", [False, True])
def test_gradient_reaches_all_parameters_used_by_the_baseline(preactivation, waveforms):
    model = build(SMALL, preactivation=preactivation).train()
    cross_entropy(model(waveforms), torch.arange(8) % 2).backward()
    unused = [f"block{block}.0.bn1.{kind}" for block in range(1, 6) for kind in ("weight", "bias")]
    untouched = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == ([] if preactivation else unused)


def test_rawnet2_fits_eight_waveforms(waveforms):
    model, labels = build(SMALL).train(), torch.arange(8) % 2
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        losses.append(cross_entropy(model(waveforms), labels))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < losses[0] / 4


def test_score_increases_with_the_bona_fide_probability():
    logits = torch.tensor([[0.5, 2.0], [3.0, 2.5], [-4.0, -1.0]])
    model = build(SMALL)
    assert model.cm_score(logits).argsort().tolist() == logits.softmax(1)[:, BONAFIDE].argsort().tolist()
