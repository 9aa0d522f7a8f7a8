"""AASIST against the official weights and their logits, its front end against the mel scale."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from codecfake import compute, config, detectors
from codecfake.codecs.base import load_state, read_checkpoint
from codecfake.dataset import fixed_length
from codecfake.detectors.aasist import sinc_filters

OFFICIAL = {"aasist": ("AASIST", 297_866), "aasist_l": ("AASIST-L", 85_306)}


@pytest.fixture(params=OFFICIAL)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name) -> detectors.Detector:
    compute.seed(1)
    return detectors.build(config.detectors()[name]).eval()


def test_the_size_is_the_published_one(name, model):
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == OFFICIAL[name][1]


def test_logits_with_the_official_weights_are_the_official_ones(name, model, shared):
    official = OFFICIAL[name][0]
    path = shared / f"mirror/aasist/{official}.pth"
    load_state(model, read_checkpoint(path), path)
    expected = pd.read_csv(shared / "data/aasist-reference-scores.tsv", sep="\t")
    # every third: one utterance in ten codecs takes long enough
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


def test_gradient_reaches_all_but_what_the_published_code_does_not_use(model, speech):
    waveforms = torch.from_numpy(np.stack([speech(2.0, seed=seed) for seed in range(3)]))
    model.train()
    torch.nn.functional.cross_entropy(model(waveforms), torch.tensor([0, 1, 0])).backward()
    untouched = [key for key, p in model.named_parameters() if p.grad is None]
    assert untouched == [f"encoder.{block}.0.bn1.{kind}" for block in range(1, 6) for kind in ("weight", "bias")]


def test_the_front_ends_filters_pass_equal_bands_of_the_mel_scale():
    response = np.abs(np.fft.rfft(sinc_filters(70, 16000).numpy(), 1 << 14))
    hz = np.fft.rfftfreq(1 << 14, 1 / 16000)
    peaks = 2595 * np.log10(1 + hz[response.argmax(axis=1)] / 700)
    band = 2595 * np.log10(1 + 8000 / 700) / 70
    # below, a band is narrower than 129 samples can make one
    np.testing.assert_allclose(peaks[30:], (np.arange(30, 70) + 0.5) * band, atol=band)
    assert (np.diff(peaks[10:]) > 0).all()
