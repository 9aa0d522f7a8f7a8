"""Trials to waveforms of one rate and length."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from codecfake import audio
from codecfake.detectors import BONAFIDE, SPOOF
from codecfake.store import Shard

LABEL_INDEX = {"spoof": SPOOF, "bonafide": BONAFIDE}


def fixed_length(samples: np.ndarray, num_samples: int, start: int = 0) -> np.ndarray:
    """A crop of `num_samples` from `start`; audio that is too short is repeated, as AASIST does."""
    if len(samples) < num_samples:
        samples = np.tile(samples, -(-num_samples // len(samples)))
    return samples[start : start + num_samples]


class TrialDataset(torch.utils.data.Dataset):
    """The trials of protocols, as (waveform [crop_samples], label index).

    The crop is the beginning, unless `random_crops` names a seed: then it follows from that seed, the
    epoch and the trial, whatever the order or the number of workers.

    Args:
        trials: rows of `manifest.Protocol`, with a default index.
        resynthesised: folder with one folder of shards per codec.
    """

    def __init__(
        self,
        trials: pd.DataFrame,
        resynthesised: Path,
        sample_rate: int,
        crop_samples: int,
        random_crops: int | None = None,
    ):
        self.trials, self.resynthesised = trials, resynthesised
        self.sample_rate, self.crop_samples = sample_rate, crop_samples
        self.random_crops, self.epoch = random_crops, 0

    @cached_property
    def _shards(self) -> dict[tuple[str, int], Shard]:
        return {}

    def __getstate__(self) -> dict:
        """Without the open shards: each worker opens its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_shards"}

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def labels(self) -> np.ndarray:
        """Label index of every trial, int64 [N]."""
        return self.trials["label"].map(LABEL_INDEX).to_numpy(dtype=np.int64)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        trial = self.trials.iloc[index]
        key = (trial["codec"], int(trial["shard"]))
        if key not in self._shards:
            self._shards[key] = Shard(shard_path(self.resynthesised, *key))
        samples, sample_rate = self._shards[key].samples(int(trial["row"]))
        samples = audio.resample(samples, sample_rate, self.sample_rate)
        crop = fixed_length(samples, self.crop_samples, self._start(index, len(samples)))
        return torch.from_numpy(np.ascontiguousarray(crop)), LABEL_INDEX[trial["label"]]

    def _start(self, index: int, num_samples: int) -> int:
        if self.random_crops is None or num_samples <= self.crop_samples:
            return 0
        rng = np.random.default_rng([self.random_crops, self.epoch, index])
        return int(rng.integers(num_samples - self.crop_samples + 1))


def shard_path(resynthesised: Path, codec: str, shard: int) -> Path:
    """Where a codec's shard lies."""
    return Path(resynthesised) / codec / f"{shard:03d}.parquet"


def batches(
    dataset: TrialDataset, batch_size: int, workers: int, order: Sequence[int] | None = None
) -> torch.utils.data.DataLoader:
    """Batches in the given order of trials (their own by default).

    Args:
        workers: processes that decode audio; with one, this process does it.
    """
    processes = workers if workers > 1 else 0
    return torch.utils.data.DataLoader(dataset, batch_size=batch_size, num_workers=processes, sampler=order)
