"""LFCC-LCNN: its size, batches and gradients, the LFCC front end against numpy and scipy."""

import numpy as np
import pytest
import scipy.fft
import torch

from codecfake import detectors
from codecfake.detectors.base import BONAFIDE, SPOOF, Detector
from codecfake.detectors.lfcc_lcnn_network import MaxFeatureMap
from codecfake.runtime.device import seed_all
from tiny_run import ENTRY

PUBLISHED = {**ENTRY, "crop_samples": 16000, "model": {"width": 1.0, "dropout": 0.7, "max_hz": 8000}}


def test_published_width_has_the_recorded_number_of_parameters():
    assert sum(p.numel() for p in detectors.build(PUBLISHED).parameters()) == 269826


def test_logits_do_not_depend_on_the_batch(model, waveforms):
    with torch.inference_mode():
        alone = torch.cat([model(waveform[None]) for waveform in waveforms])
        torch.testing.assert_close(model(waveforms), alone, atol=1e-5, rtol=0)


def test_features_are_computed_outside_autocast(model, waveforms, monkeypatch):
    asked, lfcc = [], model.features.lfcc.forward
    monkeypatch.setattr(
        model.features.lfcc, "forward", lambda x: asked.append(torch.is_autocast_enabled("cuda")) or lfcc(x)
    )
    torch.set_autocast_enabled("cuda", True)
    try:
        model(waveforms)
        assert torch.is_autocast_enabled("cuda")
    finally:
        torch.set_autocast_enabled("cuda", False)
    assert asked == [False]


def test_gradient_reaches_every_parameter(speech):
    seed_all(2)
    model = detectors.build(PUBLISHED).train()
    waveforms = np.stack([speech(1.0, seed=seed) for seed in range(4)])
    labels = torch.tensor([SPOOF, BONAFIDE, SPOOF, BONAFIDE])
    torch.nn.functional.cross_entropy(model(torch.from_numpy(waveforms)), labels).backward()
    untouched = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == []


def test_cm_score_is_the_bona_fide_logit_or_for_lfcc_lcnn_the_log_odds(model):
    logits = torch.tensor([[0.5, 2.0], [3.0, -1.0]])
    assert Detector.cm_score(model, logits).tolist() == [2.0, -1.0]
    odds = torch.softmax(logits, 1)
    torch.testing.assert_close(model.cm_score(logits), (odds[:, BONAFIDE] / odds[:, SPOOF]).log())
    assert model.cm_score(logits).tolist() == [1.5, -4.0]


def lfcc(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Compute LFCC with first and second differences [60, frames] from the module's docstring, in float64."""
    emphasised = np.append(samples[:1], samples[1:] - 0.97 * samples[:-1]).astype(np.float64)
    window, hop, n_fft = sample_rate // 50, sample_rate // 100, 512
    padded = np.pad(emphasised, n_fft // 2, mode="reflect")
    starts = np.arange(0, len(padded) - n_fft + 1, hop) + (n_fft - window) // 2
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.stack([padded[start : start + window] * hann for start in starts])
    power = np.abs(np.fft.rfft(frames, n_fft)) ** 2
    edges = np.linspace(0, sample_rate / 2, 22)
    frequencies = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    triangles = [np.interp(frequencies, edges[i : i + 3], [0, 1, 0]) for i in range(20)]
    static = scipy.fft.dct(np.log(power @ np.transpose(triangles) + 1e-6), norm="ortho").T
    features = [static]
    for _ in range(2):
        around = np.pad(features[-1], ((0, 0), (1, 1)), mode="edge")
        features.append((around[:, 2:] - around[:, :-2]) / 2)
    features = np.concatenate(features)
    return features - features.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("sample_rate", [16000, 24000])
def test_lfcc_equal_numpy_and_scipy(sample_rate, speech):
    samples = speech(0.5, sample_rate)
    model = {**ENTRY["model"], "max_hz": sample_rate / 2}
    front_end = detectors.build({**ENTRY, "sample_rate": sample_rate, "model": model}).features
    found = front_end(torch.from_numpy(samples)[None])[0].numpy()
    expected = lfcc(samples, sample_rate)
    assert found.shape == expected.shape == (60, 51)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_lfcc_ignore_content_above_max_hz(speech):
    spoken = torch.from_numpy(speech(0.5))[None]
    time = torch.arange(spoken.shape[1]) / 16000
    whistle = 0.1 * torch.sin(2 * torch.pi * 7700 * time)
    deaf, hearing = (
        detectors.build({**ENTRY, "model": {**ENTRY["model"], "max_hz": hz}}).features for hz in (7000, 8000)
    )
    change = [(front(spoken + whistle) - front(spoken))[:, :20].abs().mean() for front in (deaf, hearing)]
    assert change[0] < 0.15 * change[1]


def test_gradient_of_the_larger_half_equals_that_of_maximum():
    torch.manual_seed(5)
    x = torch.randn(2, 6, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(MaxFeatureMap(), x)
    torch.testing.assert_close(MaxFeatureMap()(x), torch.maximum(*x.chunk(2, dim=1)), rtol=0, atol=0)
