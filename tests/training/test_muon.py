"""Muon: which weights it trains, its direction against an SVD, and that its steps solve a problem."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from codecfake.training import muon


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(4)


def test_weights_of_layers_are_matrices_but_codebooks_recurrent_weights_vectors_and_magnitudes_are_not():
    convolution, linear = weight_norm(nn.Conv1d(3, 5, 7)), nn.Linear(4, 4)
    others = [nn.LSTM(4, 4), nn.Embedding(6, 4), nn.LayerNorm(4), nn.Conv1d(8, 1, 3)]
    model = nn.ModuleList([convolution, linear, *others])
    expected = [convolution.parametrizations.weight.original1, linear.weight]
    assert [id(weight) for weight in muon.matrices(model)] == list(map(id, expected))


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (8, 8)])
def test_singular_vectors_stay_and_singular_values_are_about_one(shape):
    matrix = torch.randn(shape, dtype=torch.float64) * torch.logspace(0, -0.7, shape[1])
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ muon.orthogonal(matrix * 1e-3) @ right.T
    assert values.max() / values.min() > 2
    assert found.diagonal().min() > 0.6
    assert found.diagonal().max() < 1.3
    torch.testing.assert_close(found, found.diagonal().diag(), atol=1e-8, rtol=0)


def test_step_has_the_learning_rate_as_its_relative_norm_whatever_the_gradient():
    weight = nn.Parameter(torch.randn(4, 3, 5))
    before, optimiser = weight.detach().clone(), muon.Muon([weight], lr=0.01)
    weight.grad = 1e5 * torch.randn(4, 3, 5)
    optimiser.step()
    assert (weight - before).norm().item() == pytest.approx(0.01 * before.norm().item(), rel=0.01)
    assert ((weight - before) * weight.grad).sum() < 0


def test_weights_keep_their_norm():
    weight = nn.Parameter(torch.randn(8, 6))
    before, optimiser = weight.norm().item(), muon.Muon([weight], lr=0.1)
    gradient = torch.randn(8, 6)
    for _ in range(100):
        weight.grad = gradient - weight.detach() * (gradient * weight.detach()).sum() / weight.detach().square().sum()
        optimiser.step()
    assert weight.norm().item() == pytest.approx(before, rel=1e-4)


def test_weight_without_a_gradient_stays():
    weight = nn.Parameter(torch.randn(4, 4))
    before = weight.detach().clone()
    muon.Muon([weight], lr=0.1).step()
    assert torch.equal(weight, before)


def test_steps_solve_a_linear_problem():
    inputs, weight = torch.randn(256, 16), nn.Parameter(4 * torch.eye(16))
    target, optimiser = inputs @ torch.linalg.qr(torch.randn(16, 16))[0] * 4, muon.Muon([weight], lr=0.02)
    losses = []
    for _ in range(300):
        optimiser.zero_grad()
        losses.append((inputs @ weight - target).square().mean())
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.01 * losses[0]
