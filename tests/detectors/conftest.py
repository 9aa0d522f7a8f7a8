"""Fixtures of the tests of detectors; files of one detector override them."""

import numpy as np
import pytest
import torch

from codecfake import detectors
from codecfake.detectors.base import Detector
from codecfake.runtime.device import seed_all
from tiny_run import ENTRY


@pytest.fixture
def model() -> Detector:
    """A small LFCC-LCNN with random weights."""
    seed_all(1)
    return detectors.build(ENTRY).eval()


@pytest.fixture
def waveforms(speech) -> torch.Tensor:
    """Waveforms [5, 4000]."""
    return torch.from_numpy(np.stack([speech(0.25, seed=seed) for seed in range(5)]))
