"""Every configured detector is built; checkpoints are loaded or refused."""

import pickle

import pandas as pd
import pytest
import torch

from codecfake import detectors
from codecfake.detectors import loading
from codecfake.pipeline import config
from codecfake.training.trainer import Trained, save
from codecfake.util.errors import CheckpointError
from tiny_run import ENTRY


@pytest.fixture
def checkpoint(model, tmp_path):
    path = tmp_path / "detector.pt"
    save(Trained(model.state_dict(), 0.1, pd.DataFrame()), "lfcc_lcnn", ENTRY, path)
    return path


@pytest.mark.parametrize("name", config.detectors())
def test_every_configured_detector_gives_two_logits_per_waveform(name):
    entry = config.detectors()[name]
    # on the meta device, without values: some models are large
    with torch.device("meta"):
        model = detectors.build(entry).to("meta").eval()
        assert model(torch.zeros(3, entry["crop_samples"])).shape == (3, 2)


def test_a_saved_detector_loads_with_the_same_scores(model, checkpoint, waveforms):
    loaded = loading.load(checkpoint, "lfcc_lcnn", "cpu")
    assert not loaded.training
    assert (loaded.sample_rate, loaded.crop_samples) == (16000, 4000)
    with torch.inference_mode():
        assert torch.equal(loaded(waveforms), model(waveforms))


def test_checkpoint_of_another_detector_is_refused(checkpoint):
    with pytest.raises(CheckpointError, match=r"detector\.pt: holds a 'lfcc_lcnn' detector; expected 'aasist'"):
        loading.load(checkpoint, "aasist", "cpu")


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.pt: no such checkpoint"):
        loading.load(tmp_path / "none.pt", "lfcc_lcnn", "cpu")


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 20, None], ids=["empty", "random bytes", "truncated"])
def test_unreadable_checkpoint_is_refused(checkpoint, content):
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500] if content is None else content)
    with pytest.raises(CheckpointError, match=r"detector\.pt: not a readable checkpoint"):
        loading.load(checkpoint, "lfcc_lcnn", "cpu")


#: changes of a checkpoint's content by expected message
DAMAGE = {
    r"missing keys: 1 \(output.bias\)": lambda content: content["state_dict"].pop("output.bias"),
    r"unknown keys: 1 \(spare\)": lambda content: content["state_dict"].update(spare=torch.zeros(1)),
    r"other shapes: 1 \(output.bias \[3\] instead of \[2\]\)": lambda content: content["state_dict"].update(
        {"output.bias": torch.zeros(3)}
    ),
    r"other shapes: \d+ \(cnn": lambda content: content["entry"]["model"].update(width=0.2),
    "its state_dict is a list; a dict is needed": lambda content: content.update(state_dict=[1, 2]),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_incompatible_weights_are_refused(checkpoint, message):
    content = torch.load(checkpoint, weights_only=True)
    DAMAGE[message](content)
    torch.save(content, checkpoint)
    with pytest.raises(CheckpointError, match=rf"detector\.pt: .*{message}"):
        loading.load(checkpoint, "lfcc_lcnn", "cpu")


def test_checkpoint_without_detector_is_refused(tmp_path):
    torch.save({"state_dict": {}, "optimiser": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt: not a detector checkpoint; missing: detector, entry"):
        loading.load(tmp_path / "other.pt", "lfcc_lcnn", "cpu")


def test_weights_of_another_program_are_loaded_with_an_entry(model, tmp_path, waveforms):
    path = tmp_path / "best.pth"
    torch.save({f"module.{key}": value for key, value in model.state_dict().items()}, path)
    loaded = loading.load(path, "lfcc_lcnn", "cpu", ENTRY)
    with torch.inference_mode():
        assert torch.equal(loaded(waveforms), model(waveforms))


class Hostile:
    """A pickle that creates a file when loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_malicious_pickle_is_refused_without_running_code(tmp_path, form):
    trap, path = tmp_path / "trap", tmp_path / "hostile.pt"
    content = {"detector": "lfcc_lcnn", "entry": ENTRY, "state_dict": Hostile(trap)}
    path.write_bytes(pickle.dumps(content, protocol=2))
    pickle.loads(path.read_bytes())["state_dict"].close()
    assert trap.is_file(), "the trap does not work, so this test would prove nothing"
    trap.unlink()
    if form == "torch":
        torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"hostile\.pt: not a readable checkpoint"):
        loading.load(path, "lfcc_lcnn", "cpu")
    assert not trap.exists()
