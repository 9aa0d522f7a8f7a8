"""State_dicts that other programs wrapped or named differently, and what is said of those that do not fit."""

import pytest
import torch
from torch import nn
from torch.nn.utils import weight_norm
from torch.nn.utils.parametrizations import weight_norm as parametrized

from codecfake.data.checkpoints import load_state, read_checkpoint
from codecfake.data.state_dicts import difference, fitting
from codecfake.util.errors import CheckpointError


def network(norm=weight_norm) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(norm(nn.Conv1d(2, 3, 5)), nn.ModuleDict({"model": nn.Linear(3, 2)}))


def prefixed(state: dict, prefix: str) -> dict:
    return {prefix + key: value for key, value in state.items()}


PLAIN = network().state_dict()
UNDERSTOOD = {
    "bare": PLAIN,
    "DataParallel": prefixed(PLAIN, "module."),
    "Lightning": {"epoch": 3, "state_dict": prefixed(PLAIN, "model."), "hyper_parameters": {}},
    "two wrappers": {"model": {"state_dict": prefixed(PLAIN, "model.module.")}},
    "best state": {"best_state": {"model": PLAIN}, "xp.cfg": "sample_rate: 24000"},
    "parametrized weight norm": network(parametrized).state_dict(),
    "both": {"model_state_dict": prefixed(network(parametrized).state_dict(), "module.")},
    "with parts for training": {**prefixed(PLAIN, "module."), "module.discriminator.bias": torch.zeros(2)},
}


@pytest.mark.parametrize("content", UNDERSTOOD.values(), ids=UNDERSTOOD)
@pytest.mark.parametrize("norm", [weight_norm, parametrized], ids=["old names", "new names"])
def test_wrapped_and_renamed_weights_are_loaded(content, norm, tmp_path):
    model = network(norm)
    expected = {key: value.clone() for key, value in model.state_dict().items()}
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    load_state(model, content, tmp_path / "file", unused=("discriminator.",))
    found = model.state_dict()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_own_keys_that_begin_like_a_wrapper_stay():
    model = nn.ModuleDict({"model": nn.Linear(2, 2)})
    assert fitting(model.state_dict(), model).keys() == {"model.weight", "model.bias"}


def test_parts_that_the_model_does_not_have_are_unknown_keys(tmp_path):
    with pytest.raises(CheckpointError, match=r"file: does not fit .*: unknown keys: 1 \(discriminator\.bias\)$"):
        load_state(network(), {**PLAIN, "discriminator.bias": torch.zeros(2)}, tmp_path / "file")


def test_difference_names_keys_on_both_sides_and_shapes():
    state = {**PLAIN, "0.bias": torch.zeros(7)}
    del state["1.model.bias"], state["1.model.weight"]
    state.update({f"extra{n}": torch.zeros(1) for n in range(6)}, epoch=3)
    assert difference(state, network()) == (
        "missing keys: 2 (1.model.weight, 1.model.bias); "
        "unknown keys: 7 (extra0, extra1, extra2, extra3, …); "
        "other shapes: 1 (0.bias [7] instead of [3])"
    )


def test_value_that_is_no_tensor_is_named():
    assert difference({**PLAIN, "0.bias": "x"}, network()) == "other shapes: 1 (0.bias str instead of [3])"


def test_safetensors_are_read(tmp_path):
    from safetensors.torch import save_file

    save_file({key: value.contiguous() for key, value in PLAIN.items()}, tmp_path / "model.safetensors")
    load_state(network(), read_checkpoint(tmp_path / "model.safetensors"), tmp_path / "model.safetensors")
