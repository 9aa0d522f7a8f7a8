"""A dataset of trials with waveforms of one length."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from codecfake.audio.io import PCM16_FULL_SCALE
from codecfake.data.waveforms import Waveforms
from codecfake.detectors.base import BONAFIDE, SPOOF
from codecfake.trials.protocol import trial_names

LABEL_INDEX = {"spoof": SPOOF, "bonafide": BONAFIDE}


def cm_labels(trials: pd.DataFrame) -> np.ndarray:
    """Return `SPOOF` or `BONAFIDE` of each trial, int64 [N]."""
    return trials["label"].map(LABEL_INDEX).to_numpy(dtype=np.int64)


def fixed_length(samples: np.ndarray, num_samples: int, start: int = 0) -> np.ndarray:
    """Return a crop of `num_samples` from `start`; audio that is too short is repeated, as in AASIST."""
    if len(samples) < num_samples:
        samples = np.tile(samples, -(-num_samples // len(samples)))
    return samples[start : start + num_samples]


class TrialDataset(torch.utils.data.Dataset):
    """The trials of protocols, in batches of (int16 [B, crop_samples], label indices [B]).

    The crop starts at the beginning. If `random_crops` is a seed, the start depends on the seed, the epoch and the
    trial, but not on the order of trials or the number of workers.

    Args:
        trials: rows of `Protocol`.
        waveforms: files with the waveforms of these trials.
        label: function that returns the label indices [N] of trials.
    """

    def __init__(
        self,
        trials: pd.DataFrame,
        waveforms: Sequence[Path],
        crop_samples: int,
        random_crops: int | None = None,
        label: Callable[[pd.DataFrame], np.ndarray] = cm_labels,
    ):
        self.names = trial_names(trials).tolist()
        self.labels = label(trials)
        self.waveforms = Waveforms(waveforms, self.names)
        self.crop_samples = crop_samples
        self.random_crops, self.epoch = random_crops, 0

    def __len__(self) -> int:
        return len(self.names)

    def __getitems__(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        crops = np.empty((len(indices), self.crop_samples), np.int16)
        for crop, index in zip(crops, indices, strict=True):
            crop[:] = fixed_length(self.waveforms[index], self.crop_samples, self._start(index))
        return torch.from_numpy(crops), torch.from_numpy(self.labels[list(indices)])

    def _start(self, index: int) -> int:
        spare = int(self.waveforms.lengths[index]) - self.crop_samples
        if self.random_crops is None or spare <= 0:
            return 0
        return int(np.random.default_rng([self.random_crops, self.epoch, index]).integers(spare + 1))


def in_batches(order: Sequence[int], batch_size: int) -> list[Sequence[int]]:
    """Split an order of trials into batches of `batch_size`."""
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


def load(
    dataset: TrialDataset, batches: list[Sequence[int]], workers: int, device: torch.device
) -> torch.utils.data.DataLoader:
    """Return a loader of the given batches, which prepares them ahead of their use.

    Args:
        workers: number of processes that prepare batches; if 1, this process prepares them.
        device: device that will process the batches; for a GPU they are put into pinned memory.
    """
    processes = workers if workers > 1 else 0
    return torch.utils.data.DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=_as_it_is,
        num_workers=processes,
        prefetch_factor=4 if processes else None,
        pin_memory=device.type == "cuda",
    )


def _as_it_is(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return batch


def to_device(waveforms: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Move int16 [B, T] to a device as float32 [B, T], full scale 1.0."""
    return waveforms.to(device, non_blocking=True).float() / PCM16_FULL_SCALE


def draw(
    trials: pd.DataFrame, classes: dict[str, str] | None, rng: np.random.Generator, spoof_ratio: float | None = None
) -> list[int]:
    """Return the order of the training trials of an epoch.

    All bona fide trials are drawn once. Of the spoof trials at most `spoof_ratio` times as many are drawn, others in
    each epoch. With `classes`, each class of spoof gets an equal share of the draws: a small class repeats after all
    its trials are drawn, and some trials of a large class are left for other epochs.

    Args:
        trials: rows of `Protocol`.
        classes: class of each codec, or None.
    """
    is_spoof = (trials["label"] == "spoof").to_numpy()
    bonafide, spoof = np.flatnonzero(~is_spoof), np.flatnonzero(is_spoof)
    number = len(spoof) if spoof_ratio is None else min(len(spoof), round(spoof_ratio * len(bonafide)))
    if classes is not None:
        spoof = _balanced(spoof, trials["codec"].map(classes).to_numpy()[spoof], number, rng)
        return rng.permutation(np.append(bonafide, spoof)).tolist()
    if number < len(spoof):
        spoof = rng.permutation(spoof)[:number]
    return rng.permutation(np.sort(np.append(bonafide, spoof))).tolist()


def _balanced(positions: np.ndarray, class_of: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw about `number` of the positions [N], equally many of each class; repeat those of a small class."""
    groups = [group.to_numpy() for _, group in pd.Series(positions).groupby(class_of)]
    share = number // len(groups)
    return np.concatenate(
        [np.concatenate([rng.permutation(group) for _ in range(-(-share // len(group)))])[:share] for group in groups]
    )
