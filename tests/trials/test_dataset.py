"""Crops of trials depend only on seed, epoch and trial, not on the workers."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from codecfake.data.shards import Shard, decode_row, shard_path
from codecfake.trials.dataset import TrialDataset, fixed_length, in_batches, load, to_device
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import DataError
from tiny_run import MUFFLED, make_trials, waveforms_in

CROP = 4000
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    """Trials of two speakers per split, with three utterances each in two codecs, all longer than the crop."""
    return make_trials(resynthesised, speech, {"train": 2, "dev": 2, "eval": 2}, per_speaker=3)


@pytest.fixture
def dataset(resynthesised, trials):
    def dataset(crop=CROP, trials=trials, **options) -> TrialDataset:
        return TrialDataset(trials, waveforms_in(resynthesised), crop, **options)

    return dataset


def stored(resynthesised, trial) -> np.ndarray:
    """Return the samples of a trial in its shard, as 16-bit integers."""
    samples, _ = decode_row(Shard(shard_path(resynthesised, trial["codec"], trial["shard"]))[int(trial["row"])])
    return (samples * 32768).astype(np.int16)


def crops(dataset, indices=None) -> np.ndarray:
    return dataset.__getitems__(range(len(dataset)) if indices is None else indices)[0].numpy()


@pytest.mark.parametrize(
    ("length", "num_samples", "start", "expected"),
    [
        pytest.param(3, 8, 0, [0, 1, 2, 0, 1, 2, 0, 1], id="too short: repeated"),
        pytest.param(4, 8, 0, [0, 1, 2, 3, 0, 1, 2, 3], id="repeated an integer number of times"),
        pytest.param(1, 3, 0, [0, 0, 0], id="one sample"),
        pytest.param(5, 5, 0, [0, 1, 2, 3, 4], id="exact length"),
        pytest.param(9, 4, 0, [0, 1, 2, 3], id="too long: the beginning"),
        pytest.param(9, 4, 5, [5, 6, 7, 8], id="too long: from the start index"),
    ],
)
def test_fixed_length_repeats_short_and_crops_long_samples(length, num_samples, start, expected):
    assert fixed_length(np.arange(length), num_samples, start).tolist() == expected


def test_fixed_crop_is_the_beginning(dataset, resynthesised, trials):
    found = crops(dataset())
    assert found.dtype == np.int16
    assert found.shape == (36, CROP)
    for crop, trial in zip(found, trials.to_dict("records"), strict=True):
        assert np.array_equal(crop, stored(resynthesised, trial)[:CROP])


def test_utterance_shorter_than_the_crop_is_repeated(dataset, resynthesised, trials):
    samples = stored(resynthesised, trials.iloc[0])
    assert np.array_equal(crops(dataset(3 * len(samples), random_crops=1), [0])[0], np.tile(samples, 3))


def test_label_0_is_spoof_and_1_is_bona_fide(dataset, trials):
    expected = [1 if codec == IDENTITY else 0 for codec in trials["codec"]]
    assert dataset().labels.tolist() == expected
    _, labels = dataset().__getitems__([35, 0])
    assert labels.dtype == torch.int64
    assert labels.tolist() == [0, 1]


def random_crops(dataset, seed=5, epoch=0, indices=None) -> np.ndarray:
    made = dataset(random_crops=seed)
    made.epoch = epoch
    return crops(made, indices)


def differing(first: np.ndarray, second: np.ndarray) -> int:
    return int((first != second).any(axis=1).sum())


def test_random_crop_is_part_of_the_utterance(dataset, resynthesised, trials):
    for trial, crop in zip(trials.to_dict("records"), random_crops(dataset), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(stored(resynthesised, trial), CROP)
        assert (windows == crop).all(axis=1).any()


def test_random_crops_depend_only_on_seed_epoch_and_trial(dataset):
    first = random_crops(dataset)
    torch.manual_seed(1)
    np.random.seed(1)
    assert differing(first, random_crops(dataset)) == 0
    assert differing(first[::-1], random_crops(dataset, indices=range(35, -1, -1))) == 0
    assert differing(first, random_crops(dataset, seed=6)) > 30
    assert differing(first, random_crops(dataset, epoch=1)) > 30


@pytest.mark.parametrize("order", [list(range(36)), list(range(35, -1, -1))], ids=["sorted", "reversed"])
def test_batches_do_not_depend_on_the_number_of_workers(dataset, order):
    made = dataset(random_crops=5)
    alone, together = (list(load(made, in_batches(order, 7), workers, CPU)) for workers in (0, 2))
    assert [len(labels) for _, labels in alone] == [7, 7, 7, 7, 7, 1]
    for (one, one_labels), (other, other_labels) in zip(alone, together, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one_labels, other_labels)
    assert np.array_equal(alone[0][0][0].numpy(), crops(made, [order[0]])[0])


def test_to_device_scales_full_scale_to_1():
    pcm = torch.tensor([[-32768, 0, 16384]], dtype=torch.int16)
    assert to_device(pcm, CPU).tolist() == [[-1.0, 0.0, 0.5]]


def test_pickled_dataset_maps_the_waveforms_again(dataset):
    made = dataset(random_crops=5)
    made.epoch = 3
    pickled = pickle.dumps(made)
    assert len(pickled) < 10_000
    assert np.array_equal(crops(pickle.loads(pickled)), crops(made))


def test_a_trial_without_waveform_is_named(dataset, trials):
    with pytest.raises(DataError, match=r"no waveform of 'none\+train0_0' \(36 missing\) in .*muffled\.arrow"):
        dataset(trials=trials.assign(codec="none"))


def test_each_codec_has_its_own_waveforms(dataset, trials):
    bonafide, spoof = (trials.index[trials["codec"] == codec] for codec in (IDENTITY, MUFFLED))
    assert trials.loc[bonafide, "utterance_id"].tolist() == trials.loc[spoof, "utterance_id"].tolist()
    assert differing(crops(dataset(), bonafide), crops(dataset(), spoof)) == 18
