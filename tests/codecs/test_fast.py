"""Faster activations have the values of the original ones."""

import torch

from codecfake.codecs.fast import FastELU, FastSnake, make_fast


def test_fast_elu_equals_torch_elu():
    x = torch.cat([torch.linspace(-20, 20, 4001), torch.tensor([-1e-8, float("inf"), -float("inf")])])
    assert torch.allclose(FastELU()(x), torch.nn.functional.elu(x), rtol=0, atol=1e-7)
    assert FastELU()(torch.tensor([float("nan")])).isnan()


def test_fast_snake_equals_dac_snake():
    from dac.nn.layers import Snake1d

    snake, x = Snake1d(5), torch.randn(2, 5, 1000)
    snake.alpha.data = torch.tensor([0.0, 1e-4, 0.3, 1.0, 20.0]).reshape(1, 5, 1)
    with torch.inference_mode():
        assert torch.allclose(FastSnake(snake)(x), snake(x), rtol=1e-6, atol=1e-7)


def test_only_elu_with_alpha_1_is_replaced():
    model = torch.nn.Sequential(torch.nn.ELU(), torch.nn.ELU(alpha=0.5), torch.nn.ReLU())
    make_fast(model)
    assert [type(layer).__name__ for layer in model] == ["FastELU", "ELU", "ReLU"]
