"""Trials to waveforms: lengths, crops that depend on nothing but seed, epoch and trial, other rates, workers."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from codecfake import audio, store
from codecfake.dataset import TrialDataset, batches, fixed_length, shard_path
from codecfake.errors import DataError
from codecfake.names import IDENTITY
from tiny_run import MUFFLED, make_run

CROP = 4000
RATES = {IDENTITY: 16000, "at_24k": 24000}


@pytest.fixture(scope="module")
def resynthesised(tmp_path_factory):
    return tmp_path_factory.mktemp("resynthesised")


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    """Two speakers a split, three utterances each, in two codecs; all longer than the crop."""
    _, protocols = make_run(resynthesised, speech, {"train": 2, "dev": 2, "eval": 2}, per_speaker=3)
    return pd.concat(protocols.values(), ignore_index=True)


def stored(resynthesised, trial) -> np.ndarray:
    return store.Shard(shard_path(resynthesised, trial["codec"], trial["shard"])).samples(int(trial["row"]))[0]


@pytest.mark.parametrize(
    ("length", "num_samples", "start", "expected"),
    [
        pytest.param(3, 8, 0, [0, 1, 2, 0, 1, 2, 0, 1], id="too short: repeated"),
        pytest.param(4, 8, 0, [0, 1, 2, 3, 0, 1, 2, 3], id="repeated a whole number of times"),
        pytest.param(1, 3, 0, [0, 0, 0], id="one sample"),
        pytest.param(5, 5, 0, [0, 1, 2, 3, 4], id="as long as asked for"),
        pytest.param(9, 4, 0, [0, 1, 2, 3], id="too long: the beginning"),
        pytest.param(9, 4, 5, [5, 6, 7, 8], id="too long: from a start"),
    ],
)
def test_fixed_length_repeats_what_is_short_and_crops_what_is_long(length, num_samples, start, expected):
    assert fixed_length(np.arange(length), num_samples, start).tolist() == expected


def test_without_random_crops_every_crop_is_the_beginning(resynthesised, trials):
    dataset = TrialDataset(trials, resynthesised, 16000, CROP)
    assert len(dataset) == len(trials) == 36
    for index, trial in trials.iterrows():
        waveform, _ = dataset[index]
        assert waveform.dtype == torch.float32
        assert np.array_equal(waveform.numpy(), stored(resynthesised, trial)[:CROP])


def test_an_utterance_shorter_than_the_crop_is_repeated(resynthesised, trials):
    samples = stored(resynthesised, trials.iloc[0])
    waveform, _ = TrialDataset(trials, resynthesised, 16000, 3 * len(samples), random_crops=1)[0]
    assert np.array_equal(waveform.numpy(), np.tile(samples, 3))


def test_label_index_0_is_spoof_and_1_bona_fide(resynthesised, trials):
    dataset = TrialDataset(trials, resynthesised, 16000, CROP)
    expected = [1 if codec == IDENTITY else 0 for codec in trials["codec"]]
    assert dataset.labels.tolist() == expected
    assert dataset.labels.dtype == np.int64
    assert [dataset[index][1] for index in range(len(dataset))] == expected


def random_crops(resynthesised, trials, seed=5, epoch=0, indices=None) -> list[np.ndarray]:
    dataset = TrialDataset(trials, resynthesised, 16000, CROP, random_crops=seed)
    dataset.epoch = epoch
    return [dataset[index][0].numpy() for index in (range(len(trials)) if indices is None else indices)]


def differing(first: list[np.ndarray], second: list[np.ndarray]) -> int:
    return sum(not np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_random_crop_lies_in_the_utterance(resynthesised, trials):
    for trial, crop in zip(trials.to_dict("records"), random_crops(resynthesised, trials), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(stored(resynthesised, trial), CROP)
        assert (windows == crop).all(axis=1).any()


def test_random_crops_follow_from_seed_epoch_and_trial(resynthesised, trials):
    first = random_crops(resynthesised, trials)
    torch.manual_seed(1)
    np.random.seed(1)
    assert differing(first, random_crops(resynthesised, trials)) == 0
    assert differing(first[::-1], random_crops(resynthesised, trials, indices=range(35, -1, -1))) == 0
    assert differing(first, random_crops(resynthesised, trials, seed=6)) > 30
    assert differing(first, random_crops(resynthesised, trials, epoch=1)) > 30


@pytest.mark.parametrize("order", [None, list(range(35, -1, -1))], ids=["own order", "reversed"])
def test_batches_do_not_depend_on_the_number_of_workers(resynthesised, trials, order):
    dataset = TrialDataset(trials, resynthesised, 16000, CROP, random_crops=5)
    alone, together = (list(batches(dataset, 7, workers, order)) for workers in (0, 2))
    assert [len(labels) for _, labels in alone] == [7, 7, 7, 7, 7, 1]
    for (one, one_labels), (other, other_labels) in zip(alone, together, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one_labels, other_labels)
    first = alone[0][0][0].numpy()
    assert np.array_equal(first, dataset[order[0] if order else 0][0].numpy())


def test_a_shard_of_another_rate_is_resampled(tmp_path, speech):
    _, protocols = make_run(tmp_path, speech, {"train": 1, "dev": 1, "eval": 1}, per_speaker=1, sample_rate=24000)
    trials = protocols[IDENTITY]
    samples = stored(tmp_path, trials.iloc[0])
    num_samples = audio.resampled_length(len(samples), 24000, 16000)
    waveform, _ = TrialDataset(trials, tmp_path, 16000, num_samples)[0]
    assert np.array_equal(waveform.numpy(), audio.resample(samples, 24000, 16000))


def test_pickling_leaves_open_shards_behind(resynthesised, trials):
    dataset = TrialDataset(trials, resynthesised, 16000, CROP, random_crops=5)
    dataset.epoch = 3
    expected, _ = dataset[0]
    assert dataset._shards
    copy = pickle.loads(pickle.dumps(dataset))
    assert "_shards" not in vars(copy)
    assert torch.equal(copy[0][0], expected)


def test_a_missing_shard_is_named(resynthesised, trials):
    dataset = TrialDataset(trials.assign(codec="none"), resynthesised, 16000, CROP)
    with pytest.raises(DataError, match=r"none.000\.parquet: not a readable shard"):
        dataset[0]


def test_each_codec_is_read_from_its_own_shards(resynthesised, trials):
    dataset = TrialDataset(trials, resynthesised, 16000, CROP)
    bonafide, spoof = (trials.index[trials["codec"] == codec] for codec in (IDENTITY, MUFFLED))
    for one, other in zip(bonafide, spoof, strict=True):
        assert trials.loc[one, "utterance_id"] == trials.loc[other, "utterance_id"]
        assert not torch.equal(dataset[one][0], dataset[other][0])
