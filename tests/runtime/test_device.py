"""Selection of the device, and seeding of all random generators."""

import random

import numpy as np
import pytest
import torch

from codecfake.runtime import device
from codecfake.runtime.device import BatchSplitter, seed_all, torch_device
from codecfake.util.errors import ConfigError


@pytest.fixture
def cuda(request, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    monkeypatch.setattr(device.cuda, "evidence", lambda: "")
    monkeypatch.setattr(device.cuda, "without_code", lambda number: "")


@pytest.mark.parametrize(
    ("cuda", "name", "expected"),
    [
        (False, "cpu", "cpu"),
        (True, "cpu", "cpu"),
        (False, "auto", "cpu"),
        (True, "auto", "cuda"),
        (True, "cuda", "cuda"),
    ],
    indirect=["cuda"],
)
def test_auto_is_cuda_if_available_and_other_names_are_kept(cuda, name, expected):
    assert torch_device(name) == expected


@pytest.mark.parametrize("cuda", [False], indirect=True)
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "gpu", "meta", ""])
def test_missing_device_is_refused(cuda, name):
    with pytest.raises(ConfigError, match=rf"no '{name}'; allowed: auto, cpu"):
        torch_device(name)


def test_batches_are_halved_until_they_fit_and_stay_small():
    splitter, tried = BatchSplitter(), []

    def attempt(portion: int) -> int:
        tried.append(portion)
        if portion > 3:
            raise torch.OutOfMemoryError
        return portion

    assert [splitter.run(number, attempt) for number in (16, 16, 2)] == [2, 2, 2]
    assert tried == [16, 8, 4, 2, 2, 2]


@pytest.mark.parametrize(("least", "tried"), [(1, [4, 2, 1]), (3, [4, 3]), (9, [9])])
def test_batch_of_minimum_size_is_not_retried(least, tried):
    seen = []

    def attempt(portion: int) -> None:
        seen.append(portion)
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        BatchSplitter().run(4, attempt, least)
    assert seen == tried


def draw() -> list[float]:
    """Draw one number from every generator."""
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def test_seed_all_seeds_every_generator():
    seed_all(7)
    first = draw()
    later = draw()
    seed_all(7)
    again = draw()
    seed_all(8)
    other = draw()
    assert again == first
    for one, *others in zip(first, later, other, strict=True):
        assert one not in others
