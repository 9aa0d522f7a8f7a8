"""Training a detector: it learns, selects on dev, never reads eval, and resumes to the very same weights."""

import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import codecfake.train
from codecfake import compute, detectors, metrics
from codecfake.dataset import TrialDataset, shard_path
from codecfake.errors import DataError
from codecfake.names import IDENTITY
from codecfake.score import score_trials
from codecfake.train import TrainedDetector, class_weights, save, train
from tiny_run import ENTRY, MUFFLED, make_run


@pytest.fixture(scope="module")
def resynthesised(tmp_path_factory):
    return tmp_path_factory.mktemp("resynthesised")


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    _, protocols = make_run(resynthesised, speech, {"train": 5, "dev": 3, "eval": 1}, per_speaker=4)
    return pd.concat(protocols.values(), ignore_index=True)


@pytest.fixture
def run(resynthesised, trials, tmp_path):
    """Train with the tiny entry; keyword arguments replace its values or those of `train`."""

    def run(*, trials=trials, resynthesised=resynthesised, seed=1, **options) -> TrainedDetector:
        entry = {**ENTRY, **options}
        return train(trials, resynthesised, entry, seed=seed, device="cpu", workers=0, state=tmp_path / "run.state")

    return run


@pytest.fixture(scope="module")
def undisturbed(resynthesised, trials, tmp_path_factory) -> TrainedDetector:
    state = tmp_path_factory.mktemp("undisturbed") / "run.state"
    return train(trials, resynthesised, ENTRY, seed=1, device="cpu", workers=0, state=state)


def same_weights(one: TrainedDetector, other: TrainedDetector) -> bool:
    return all(torch.equal(value, other.state_dict[key]) for key, value in one.state_dict.items())


def test_a_trivial_spoof_is_learnt(undisturbed):
    assert undisturbed.dev_eer < 0.2
    assert undisturbed.history["train_loss"].iloc[-1] < undisturbed.history["train_loss"].iloc[0]


def test_the_history_has_a_row_an_epoch(undisturbed):
    assert undisturbed.history.columns.tolist() == ["epoch", "train_loss", "dev_eer"]
    assert undisturbed.history["epoch"].tolist() == [1, 2, 3]
    assert undisturbed.dev_eer == undisturbed.history["dev_eer"].min()


def test_the_kept_weights_have_the_kept_dev_eer(undisturbed, resynthesised, trials):
    dev = TrialDataset(trials[trials["split"] == "dev"].reset_index(drop=True), resynthesised, 16000, 4000)
    model = detectors.build(ENTRY)
    model.load_state_dict(undisturbed.state_dict)
    scores = score_trials(model, dev, 5, 0)
    assert metrics.eer(scores[dev.labels == 1], scores[dev.labels == 0]) == undisturbed.dev_eer


@pytest.mark.parametrize(
    ("gaps", "best"),
    [
        pytest.param([-1.0, 0.0, 2.0, -2.0], 2, id="lowest EER"),
        pytest.param([2.0, 0.0, -1.0, 0.0], 0, id="lowest EER first"),
        pytest.param([2.0, 4.0, 3.0, -1.0], 1, id="of equal EERs the classes further apart"),
        pytest.param([2.0, 2.0, 2.0, 2.0], 0, id="of equal epochs the first"),
    ],
)
def test_the_selected_epoch_has_the_lowest_dev_eer(run, monkeypatch, gaps, best):
    seen = []

    def scored(model, dataset, *_) -> np.ndarray:
        # bona fide above spoof by the epoch's gap
        noise = np.linspace(0, 0.5, len(dataset) // 2)
        scores = np.empty(len(dataset))
        scores[dataset.labels == 0], scores[dataset.labels == 1] = noise, noise + gaps[len(seen)]
        seen.append({key: value.clone() for key, value in model.state_dict().items()})
        return scores

    monkeypatch.setattr(codecfake.train, "score_trials", scored)
    trained = run(epochs=len(gaps))
    assert trained.dev_eer == trained.history["dev_eer"].iloc[best] == trained.history["dev_eer"].min()
    equal = [all(torch.equal(trained.state_dict[key], state[key]) for key in state) for state in seen]
    assert equal == [number == best for number in range(len(gaps))]


class Plain(torch.nn.Module):
    """A model without batch normalisation, on a device that has memory for so many waveforms at a time."""

    def __init__(self, room):
        super().__init__()
        self.room, self.linear = room, torch.nn.Linear(4000, 2)

    def forward(self, waveforms):
        if len(waveforms) > self.room:
            raise torch.OutOfMemoryError
        return self.linear(waveforms)

    @staticmethod
    def cm_score(logits):
        return logits[:, 1]


@pytest.mark.parametrize("room", [7, 3, 1])
def test_without_memory_for_a_batch_its_gradient_is_summed_over_halves(run, monkeypatch, room):
    trained = []
    for most in (100, room):
        monkeypatch.setattr(detectors, "build", lambda _, most=most: Plain(most))
        trained.append(run(epochs=2))
    whole, halved = trained
    assert halved.history["train_loss"].to_numpy() == pytest.approx(whole.history["train_loss"].to_numpy(), rel=1e-4)
    for key, value in whole.state_dict.items():
        torch.testing.assert_close(halved.state_dict[key], value, rtol=1e-3, atol=1e-4)


def test_crops_are_random_in_training_other_ones_each_epoch_and_fixed_on_dev(run, monkeypatch):
    crops, one_epoch = [], codecfake.train._one_epoch

    def noted(function, model, dataset, *rest):
        crops.append((dataset.random_crops, dataset.epoch))
        return function(model, dataset, *rest)

    monkeypatch.setattr(codecfake.train, "_one_epoch", partial(noted, one_epoch))
    monkeypatch.setattr(codecfake.train, "score_trials", partial(noted, score_trials))
    run(seed=7, epochs=2)
    assert crops == [(7, 0), (None, 0), (7, 1), (None, 0)]


def test_eval_trials_are_never_read(run, undisturbed, resynthesised, tmp_path):
    copy = tmp_path / "resynthesised"
    shutil.copytree(resynthesised, copy)
    for codec in (IDENTITY, MUFFLED):
        shard_path(copy, codec, 2).unlink()
    assert same_weights(run(resynthesised=copy), undisturbed)


def test_eval_trials_change_nothing(run, undisturbed, trials):
    assert same_weights(run(trials=trials[trials["split"] != "eval"]), undisturbed)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(run, undisturbed):
    assert same_weights(run(), undisturbed)
    assert not same_weights(run(seed=2), undisturbed)


def test_the_state_of_other_settings_is_not_gone_on_with(run, monkeypatch, tmp_path):
    fresh = run(seed=2)
    unlink = Path.unlink
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "unlink", lambda path, **options: None if path.suffix == ".state" else unlink(path, **options)
        )
        run(seed=1)
    assert (tmp_path / "run.state").is_file()
    assert same_weights(run(seed=2), fresh)


def test_an_interrupted_run_goes_on_as_if_never_stopped(run, undisturbed, monkeypatch, tmp_path):
    state, scored = tmp_path / "run.state", []

    def stops_in_epoch_2(*arguments) -> np.ndarray:
        scored.append(len(scored))
        if len(scored) == 2:
            raise KeyboardInterrupt
        return score_trials(*arguments)

    monkeypatch.setattr(codecfake.train, "score_trials", stops_in_epoch_2)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert state.is_file()
    compute.seed(99)
    resumed = run()
    assert len(scored) == 2 + 2, "epoch 1 must not be trained again"
    assert same_weights(resumed, undisturbed)
    pd.testing.assert_frame_equal(resumed.history, undisturbed.history)
    assert resumed.dev_eer == undisturbed.dev_eer
    assert not state.exists()


def test_nothing_but_the_result_is_left(run, tmp_path):
    run(epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_class_weights_let_both_classes_count_the_same():
    weights = class_weights(np.array([0, 0, 0, 1]))
    assert weights.tolist() == pytest.approx([4 / 6, 2.0])
    assert class_weights(np.array([1, 0, 0, 1])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("label", "message"), [(0, "3 spoof, 0 bona fide"), (1, "0 spoof, 3 bona fide")])
def test_one_class_alone_cannot_be_weighted(label, message):
    with pytest.raises(DataError, match=f"training trials: {message}; both classes are needed"):
        class_weights(np.full(3, label))


def test_training_on_one_class_is_refused(run, trials):
    with pytest.raises(DataError, match="20 spoof, 0 bona fide"):
        run(trials=trials[trials["codec"] == MUFFLED])


def test_a_saved_detector_is_the_same_file_whichever_process_wrote_it(undisturbed, tmp_path, monkeypatch):
    save(undisturbed, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    first = (tmp_path / "detector.pt").read_bytes()
    monkeypatch.setattr(os, "getpid", lambda: 4242)
    save(undisturbed, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    assert (tmp_path / "detector.pt").read_bytes() == first
    assert torch.load(tmp_path / "detector.pt", weights_only=True)["dev_eer"] == undisturbed.dev_eer
