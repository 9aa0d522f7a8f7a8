"""AASIST: official weights and their logits, the plain implementation, the mel scale of the front end."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

import plain_aasist
from codecfake import detectors
from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.detectors.base import Detector
from codecfake.detectors.rawnet2_network import sinc_filters
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.training.swa import estimate_batch_norm
from codecfake.trials.dataset import fixed_length

OFFICIAL = {"aasist": ("AASIST", 297_866), "aasist_l": ("AASIST-L", 85_306)}


@pytest.fixture(params=OFFICIAL)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name) -> Detector:
    seed_all(1)
    return detectors.build(config.detectors()[name]).eval()


def test_number_of_parameters_equals_the_published_one(name, model):
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == OFFICIAL[name][1]


def test_logits_with_official_weights_equal_the_official_logits(name, model, shared):
    official = OFFICIAL[name][0]
    path = shared / f"mirror/aasist/{official}.pth"
    load_state(model, read_checkpoint(path), path)
    expected = pd.read_csv(shared / "data/aasist-reference-scores.tsv", sep="\t")
    # only every third utterance, to save time
    expected = expected[expected["model"] == official].iloc[::3]
    crops = [soundfile.read(shared / "data/codecfake-samples" / name, dtype="float32")[0] for name in expected["file"]]
    waveforms = torch.from_numpy(np.stack([fixed_length(samples, model.crop_samples) for samples in crops]))
    with torch.inference_mode():
        found = torch.cat([model(waveform[None]) for waveform in waveforms]).numpy()
    assert len(found) > 5
    np.testing.assert_allclose(found, expected[["spoof_logit", "bonafide_logit"]], atol=1e-4, rtol=0)


def test_logits_do_not_depend_on_the_batch(model, speech):
    waveforms = torch.from_numpy(np.stack([speech(4.0375, seed=seed) for seed in range(2)]))
    with torch.inference_mode():
        alone = torch.cat([model(waveform[None]) for waveform in waveforms])
        torch.testing.assert_close(model(waveforms), alone, atol=1e-5, rtol=0)


def test_gradient_reaches_all_parameters_used_by_the_published_code(model, speech):
    waveforms = torch.from_numpy(np.stack([speech(2.0, seed=seed) for seed in range(3)]))
    model.train()
    torch.nn.functional.cross_entropy(model(waveforms), torch.tensor([0, 1, 0])).backward()
    untouched = [key for key, p in model.named_parameters() if p.grad is None]
    assert untouched == [f"encoder.{block}.0.bn1.{kind}" for block in range(1, 6) for kind in ("weight", "bias")]


@pytest.fixture
def pair(name) -> tuple[Detector, Detector]:
    """The plain and the pipeline's model with equal weights, and running statistics other than 0 and 1."""
    seed_all(1)
    plain, fast = plain_aasist.pair(config.detectors()[name])
    for module in plain.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.normal_(module.weight, 1, 0.2)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    fast.load_state_dict(plain.state_dict())
    return plain, fast


@pytest.fixture
def short(speech) -> torch.Tensor:
    """Waveforms [2, 9000]: several tiles in the first two blocks; in some blocks, pooling drops frames."""
    return torch.from_numpy(np.stack([speech(0.5625, seed=seed) for seed in range(2)]))


def step(model: torch.nn.Module, waveforms: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return logits and gradients."""
    seed_all(2)
    logits = model(waveforms)
    torch.nn.functional.cross_entropy(logits, torch.arange(len(waveforms)) % 2).backward()
    return logits.detach(), {key: p.grad for key, p in model.named_parameters() if p.grad is not None}


def distance(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """Return the largest relative difference (in norm) of any parameter's gradient."""
    assert found.keys() == expected.keys()
    # without parameters that a later normalisation cancels: their gradients are rounding errors
    real = [key for key, gradient in expected.items() if gradient.norm() > 1e-5]
    assert len(real) > 0.8 * len(expected)
    return max(((found[key] - expected[key]).norm() / expected[key].norm()).item() for key in real)


def test_scores_equal_the_plain_implementation(pair, short):
    with torch.inference_mode():
        plain, fast = (model.eval()(short) for model in pair)
    torch.testing.assert_close(fast, plain, atol=1e-5, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_the_plain_implementation(training, pair, short):
    # in float64: in float32 rounding decides which of two almost equal values is the maximum
    (logits, expected), (fast, found) = (step(model.double().train(training), short.double()) for model in pair)
    torch.testing.assert_close(fast, logits, atol=1e-10, rtol=0)
    assert distance(found, expected) < 1e-8
    torch.testing.assert_close(pair[1].state_dict(), pair[0].state_dict(), atol=1e-10, rtol=0)


def test_float32_training_step_equals_the_plain_implementation(pair, short):
    exact = step(deepcopy(pair[0]).double(), short.double())[1]
    (logits, plain), (fast, found) = (step(model, short) for model in pair)
    torch.testing.assert_close(fast, logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(pair[1].state_dict(), pair[0].state_dict(), atol=1e-5, rtol=1e-5)
    assert distance(found, exact) < 2 * distance(plain, exact) + 1e-3


def test_estimated_batch_norm_equals_the_plain_implementation(pair, short):
    batches = [((short + shift) * 16384).short() for shift in (0, 0.1)]
    for model in pair:
        estimate_batch_norm(model, [(batch, None) for batch in batches])
    torch.testing.assert_close(pair[1].state_dict(), pair[0].state_dict(), atol=1e-5, rtol=1e-4)


def test_training_step_is_deterministic(pair, short):
    first, second = (step(deepcopy(pair[1]), short) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(first[1][key], second[1][key]) for key in first[1])


def test_mixed_precision_step_is_close_to_single_precision(pair, short):
    # by the plain implementation
    single = pair[1].eval()(short)
    with torch.autocast("cpu"):
        logits, gradients = step(pair[1], short)
    torch.testing.assert_close(logits.float(), single.detach(), atol=0.1, rtol=0)
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_sinc_filters_pass_equal_bands_of_the_mel_scale():
    response = np.abs(np.fft.rfft(sinc_filters(70, 129, 16000).numpy(), 1 << 14))
    hz = np.fft.rfftfreq(1 << 14, 1 / 16000)
    peaks = 2595 * np.log10(1 + hz[response.argmax(axis=1)] / 700)
    band = 2595 * np.log10(1 + 8000 / 700) / 70
    # lower bands are narrower than a filter of 129 samples can resolve
    np.testing.assert_allclose(peaks[30:], (np.arange(30, 70) + 0.5) * band, atol=band)
    assert (np.diff(peaks[10:]) > 0).all()
