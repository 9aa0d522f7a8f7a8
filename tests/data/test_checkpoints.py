"""Checkpoints that `train-codec` writes; tests/codecs/test_adapters.py reads them into every family's model."""

import pytest
import torch
from encodec.quantization import ResidualVectorQuantizer

from codecfake.data.checkpoints import half_state_dict, read_checkpoint, write_checkpoint
from codecfake.util.errors import DataError


def test_codebooks_are_stored_once_with_statistics_that_agree(tmp_path):
    torch.manual_seed(0)
    quantizer = ResidualVectorQuantizer(dimension=64, n_q=2, bins=256)
    quantizer.train()(torch.randn(4, 64, 100), sample_rate=16000)
    path = tmp_path / "quantizer.th"
    write_checkpoint(path, half_state_dict(quantizer))
    kept = read_checkpoint(path)
    assert kept.keys() == quantizer.state_dict().keys()
    for layer in ("vq.layers.0._codebook.", "vq.layers.1._codebook."):
        embed = kept[f"{layer}embed"]
        assert torch.equal(embed, quantizer.state_dict()[f"{layer}embed"].half())
        assert torch.equal(embed, kept[f"{layer}embed_avg"] / kept[f"{layer}cluster_size"].unsqueeze(1))
    codebooks = 2 * 256 * 64 * 2  # float16
    assert codebooks < path.stat().st_size < 1.5 * codebooks


@pytest.mark.parametrize(("value", "shown"), [(7e4, "70000"), (float("nan"), "nan")])
def test_weights_beyond_float16_are_refused(value, shown):
    model = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(model.bias, value)
    with pytest.raises(DataError, match=rf"weight bias: largest magnitude {shown}, must be at most 65504 \(float16\)"):
        half_state_dict(model)
