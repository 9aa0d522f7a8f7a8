"""Discriminators: they learn to separate, and their losses lead a codec towards natural audio."""

import pytest
import torch

from codecfake.training.discriminators import KINDS, Discriminators


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(3)


@pytest.fixture
def natural() -> torch.Tensor:
    return 0.1 * torch.randn(4, 2048)


def hum(waveforms: torch.Tensor, level: float = 0.02) -> torch.Tensor:
    """Add a faint comb, as of frames of 64 samples that all have the same error."""
    return waveforms + level * (torch.arange(waveforms.shape[1]) % 64 == 0)


def trained(kind: str, natural: torch.Tensor, decoded: torch.Tensor) -> Discriminators:
    discriminators = Discriminators([kind])
    optimiser = torch.optim.Adam(discriminators.parameters(), lr=0.003)
    for _ in range(120):
        optimiser.zero_grad()
        discriminators.loss(natural, decoded).backward()
        optimiser.step()
    return discriminators


@pytest.mark.parametrize("kind", KINDS)
def test_discriminators_learn_to_separate(kind, natural):
    decoded = (natural + natural.roll(1, dims=1)) / 2  # without high frequencies
    found = trained(kind, natural, decoded)
    with torch.no_grad():
        # always guessing 0.5 costs 0.25 + 0.25
        assert found.loss(natural, decoded) < 0.3
        assert found.codec_losses(natural, decoded)[0] > 2 * found.codec_losses(natural, natural)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_losses_reaches_the_decoded_audio_only(kind, natural):
    discriminators, decoded = Discriminators([kind]), hum(natural).requires_grad_()
    discriminators.loss(natural, decoded).backward()
    assert decoded.grad is None
    sum(discriminators.codec_losses(natural, decoded)).backward()
    assert decoded.grad.abs().sum() > 0


def test_feature_loss_is_zero_for_equal_audio_and_grows_with_the_difference(natural):
    discriminators = Discriminators(list(KINDS))
    with torch.no_grad():
        losses = [discriminators.codec_losses(natural, hum(natural, level))[1].item() for level in (0, 0.02, 0.2)]
    assert losses[0] == 0
    assert losses == sorted(losses)


@pytest.mark.parametrize("samples", [4096, 4097, 8000])
def test_any_length_is_judged_by_every_member(samples):
    found = Discriminators(list(KINDS))(torch.zeros(2, samples))
    assert len(found) == 3 + 5
    assert all(torch.isfinite(maps[-1]).all() and len(maps) == 5 for maps in found)
