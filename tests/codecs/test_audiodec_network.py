"""AudioDec's streaming network on complete signals: the state that a layer keeps from the previous signal."""

import pytest
import torch

from codecfake.codecs.audiodec import AudioDec
from codecfake.codecs.audiodec_network import CausalConv1d, CausalUpsampling, forget, remember
from codecfake.pipeline import config


@pytest.fixture
def model() -> AudioDec:
    torch.manual_seed(0)
    return AudioDec(config.codec("audiodec_mini")["model"]).eval()


def layers():
    torch.manual_seed(0)
    return {
        "wide": CausalConv1d(3, 4, 7, dilation=9),
        "strided": CausalConv1d(3, 4, 8, stride=4),
        "upsampling": CausalUpsampling(3, 4, 5),
    }


@torch.inference_mode()
@pytest.mark.parametrize("kind", layers())
@pytest.mark.parametrize("length", [4, 40, 400])
def test_layer_continues_from_the_remembered_signal(kind, length):
    layer, before, after = layers()[kind], torch.randn(1, 3, length), torch.randn(2, 3, 80)
    whole = layer(torch.cat([before.expand(2, -1, -1), after], dim=2))
    expected = whole[:, :, -layer(after).shape[2] :]
    remember(layer, before)
    assert torch.allclose(layer(after), expected, atol=1e-6)
    assert torch.allclose(layer(after), expected, atol=1e-6)  # a signal leaves no state
    forget(layer)
    assert torch.equal(layer(after), layers()[kind](after))


@torch.inference_mode()
def test_warmed_up_decoder_continues_from_silence(model):
    silence, codes = model.encode(torch.zeros(1, 1, 8192)), model.encode(torch.randn(2, 1, 1300))
    cold = model.decode(torch.cat([silence.expand(2, -1, -1), codes], dim=2))[:, :, -1300:]
    assert not torch.allclose(model.decode(codes), cold, atol=1e-6)
    model.warm_up()
    for _ in range(2):
        assert torch.allclose(model.decode(codes), cold, atol=1e-6)


@torch.inference_mode()
def test_encoder_ignores_stored_padding_buffers(model):
    waveforms = torch.randn(1, 1, 1300)
    expected = model.autoencoder.latents(waveforms)
    for name, buffer in model.autoencoder.named_buffers():
        if name.endswith("pad_buffer"):
            buffer.fill_(1.0)
    model.warm_up()
    assert torch.equal(model.autoencoder.latents(waveforms), expected)
