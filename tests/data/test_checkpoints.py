"""Checkpoints that `train-codec` writes, which tests/codecs/test_adapters.py loads; files that are no checkpoints."""

import argparse
import collections
import io
import pathlib

import numpy as np
import pytest
import torch
from encodec.quantization import ResidualVectorQuantizer

from codecfake.data.checkpoints import half_state_dict, read_checkpoint, write_checkpoint
from codecfake.util.errors import CheckpointError, DataError


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


REFUSED = {
    "argparse.Namespace": argparse.Namespace(rate=3),
    "collections.defaultdict": collections.defaultdict(int),
    "pathlib.PosixPath": pathlib.PosixPath("/x"),
    "numpy._core.multiarray._reconstruct": np.zeros(3),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_refused_class_is_named(name, legacy, tmp_path):
    path = tmp_path / "model.pth"
    torch.save({"weight": torch.zeros(2), "options": REFUSED[name]}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
        CheckpointError, match=rf"model\.pth: not a readable checkpoint: it holds {name}, and only tenso"
    ):
        read_checkpoint(path)


def cut() -> bytes:
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(9999)}, buffer)
    return buffer.getvalue()[:-5000]


OTHERS = {
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n",
    "HTML page": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    "the file is empty": b"",
    "begins with zeros": bytes(2000),
    "damaged, cut short or of another format": cut(),
    "or of another format": b"RIFF....WAVE",
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("reason", OTHERS)
def test_file_that_is_no_checkpoint_is_called_what_it_is(reason, suffix, tmp_path):
    path = (tmp_path / "model").with_suffix(suffix)
    path.write_bytes(OTHERS[reason])
    with pytest.raises(CheckpointError, match=rf"model{suffix}: not a readable checkpoint: .*{reason}"):
        read_checkpoint(path)
