"""Training a detector: it converges, selects on dev, never reads eval, and resumes to identical weights."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from codecfake import detectors
from codecfake.evaluation import metrics, scoring
from codecfake.evaluation.objectives import Detection
from codecfake.evaluation.scoring import score_trials
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.training import trainer
from codecfake.training.trainer import Trained, class_weights, learning_rate, save, train
from codecfake.trials import dataset
from codecfake.trials.dataset import TrialDataset
from codecfake.util.errors import DataError
from tiny_run import ENTRY, MUFFLED, make_trials, waveforms_in


@pytest.fixture(scope="module")
def trials(resynthesised, speech) -> pd.DataFrame:
    return make_trials(resynthesised, speech, {"train": 5, "dev": 3, "eval": 1}, per_speaker=4)


@pytest.fixture
def run(resynthesised, trials, tmp_path):
    """Train with the tiny entry; keyword arguments replace values of the entry or of its recipe."""

    def run(*, trials=trials, seed=1, classes=None, curves=None, **options) -> Trained:
        recipe = {
            **ENTRY["training"],
            **{key: options.pop(key) for key in ("average", "patience", "clip") if key in options},
        }
        entry = {**ENTRY, **options, "training": {key: value for key, value in recipe.items() if value is not None}}
        state = tmp_path / "run.state"
        options = {"seed": seed, "classes": classes, "state": state, "curves": curves, "device": "cpu", "workers": 0}
        trained = train(trials, waveforms_in(resynthesised), entry, **options)
        state.unlink()
        return trained

    return run


@pytest.fixture(scope="module")
def undisturbed(resynthesised, trials, tmp_path_factory) -> Trained:
    state = tmp_path_factory.mktemp("undisturbed") / "run.state"
    return train(trials, waveforms_in(resynthesised), ENTRY, seed=1, device="cpu", workers=0, state=state)


def same_weights(one: Trained, other: Trained) -> bool:
    return all(torch.equal(value, other.state_dict[key]) for key, value in one.state_dict.items())


def test_trivial_spoof_is_learnt(undisturbed):
    assert undisturbed.dev_error < 0.2
    assert undisturbed.history["train_loss"].iloc[-1] < undisturbed.history["train_loss"].iloc[0]


def test_history_has_a_row_per_epoch(undisturbed):
    assert undisturbed.history.columns.tolist() == ["epoch", "learning_rate", "train_loss", "dev_eer"]
    assert undisturbed.history["epoch"].tolist() == [1, 2, 3]
    assert undisturbed.dev_error == undisturbed.history["dev_eer"].min()


def test_selected_weights_have_the_reported_dev_eer(undisturbed, resynthesised, trials):
    dev = TrialDataset(trials[trials["split"] == "dev"], waveforms_in(resynthesised), 4000)
    model = detectors.build(ENTRY)
    model.load_state_dict(undisturbed.state_dict)
    scores = score_trials(model, dev, 5, 0)
    assert metrics.eer(scores[dev.labels == 1], scores[dev.labels == 0]) == undisturbed.dev_error


def with_gaps(monkeypatch, values: list[float]) -> list[dict]:
    """Fake dev scores with the given gap between the classes per epoch; return the weights of the epochs."""
    seen = []

    def scored(model, dataset, *_) -> np.ndarray:
        noise = np.linspace(0, 0.5, len(dataset) // 2)
        scores = np.empty(len(dataset))
        gap = values[min(len(seen), len(values) - 1)]
        scores[dataset.labels == 0], scores[dataset.labels == 1] = noise, noise + gap
        seen.append({key: value.clone() for key, value in model.state_dict().items()})
        return scores

    monkeypatch.setattr(trainer, "score_trials", scored)
    return seen


@pytest.mark.parametrize(
    ("gaps", "best"),
    [
        pytest.param([-1.0, 0.0, 2.0, -2.0], 2, id="lowest EER"),
        pytest.param([2.0, 0.0, -1.0, 0.0], 0, id="lowest EER in the first epoch"),
        pytest.param([2.0, 4.0, 3.0, -1.0], 1, id="equal EERs: larger gap between the classes"),
        pytest.param([2.0, 2.0, 2.0, 2.0], 0, id="equal epochs: the first"),
    ],
)
def test_the_selected_epoch_has_the_lowest_dev_eer(run, monkeypatch, gaps, best):
    seen = with_gaps(monkeypatch, gaps)
    trained = run(epochs=len(gaps))
    assert trained.dev_error == trained.history["dev_eer"].iloc[best] == trained.history["dev_eer"].min()
    equal = [all(torch.equal(trained.state_dict[key], state[key]) for key in state) for state in seen]
    assert equal == [number == best for number in range(len(gaps))]


class Plain(torch.nn.Module):
    """A model without batch normalisation that runs out of memory beyond `room` waveforms."""

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
def test_out_of_memory_batch_sums_gradients_over_halves(run, monkeypatch, room):
    trained = []
    for most in (100, room):
        monkeypatch.setattr(detectors, "build", lambda _, most=most: Plain(most))
        trained.append(run(epochs=2))
    whole, halved = trained
    assert halved.history["train_loss"].to_numpy() == pytest.approx(whole.history["train_loss"].to_numpy(), rel=1e-4)
    for key, value in whole.state_dict.items():
        torch.testing.assert_close(halved.state_dict[key], value, rtol=1e-3, atol=1e-4)


def test_crops_are_random_per_epoch_in_training_and_fixed_on_dev(run, monkeypatch):
    crops, load = [], dataset.load

    def noted(dataset, *rest):
        crops.append((dataset.random_crops, dataset.epoch))
        return load(dataset, *rest)

    monkeypatch.setattr(trainer, "load", noted)
    monkeypatch.setattr(scoring, "load", noted)
    run(seed=7, epochs=2)
    assert crops == [(7, 0), (None, 0), (7, 1), (None, 0)]


def test_weights_do_not_depend_on_eval_trials(run, undisturbed, trials):
    assert same_weights(run(trials=trials[trials["split"] != "eval"]), undisturbed)


def test_weights_are_determined_by_the_seed(run, undisturbed):
    assert same_weights(run(), undisturbed)
    assert not same_weights(run(seed=2), undisturbed)


def test_leftover_state_of_another_seed_is_not_resumed(run, monkeypatch, tmp_path):
    fresh = run(seed=2)
    unlink = Path.unlink
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "unlink", lambda path, **options: None if path.suffix == ".state" else unlink(path, **options)
        )
        run(seed=1)
    assert (tmp_path / "run.state").is_file()
    assert same_weights(run(seed=2), fresh)


def stop_in_epoch(monkeypatch, number: int) -> list[int]:
    """Interrupt the next training in an epoch; return the list of epochs begun in all later trainings."""
    begun = []

    def scored(*arguments) -> np.ndarray:
        begun.append(len(begun) + 1)
        if len(begun) == number:
            raise KeyboardInterrupt
        return score_trials(*arguments)

    monkeypatch.setattr(trainer, "score_trials", scored)
    return begun


def test_interrupted_training_resumes_to_identical_weights(run, undisturbed, monkeypatch, tmp_path):
    state, begun = tmp_path / "run.state", stop_in_epoch(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert state.is_file()
    seed_all(99)
    resumed = run()
    assert len(begun) == 2 + 2, "epoch 1 must not be trained again"
    assert same_weights(resumed, undisturbed)
    pd.testing.assert_frame_equal(resumed.history, undisturbed.history)
    assert resumed.dev_error == undisturbed.dev_error
    assert not state.exists()


def test_finished_state_gives_the_same_result_again(resynthesised, trials, tmp_path):
    """A job may be killed between the last epoch and the writing of its result."""
    options = {"seed": 1, "device": "cpu", "workers": 0, "state": tmp_path / "run.state"}
    first, second = (train(trials, waveforms_in(resynthesised), ENTRY, **options) for _ in range(2))
    assert same_weights(first, second)
    assert first.history.equals(second.history)
    assert [path.name for path in tmp_path.iterdir()] == ["run.state"]


@pytest.mark.parametrize("change", [{"fingerprint": {"waveforms": "other"}}, {"classes": {MUFFLED: "a"}}, {"seed": 2}])
def test_state_of_other_inputs_is_not_resumed(resynthesised, trials, tmp_path, monkeypatch, change):
    options = {"seed": 1, "device": "cpu", "workers": 0, "state": tmp_path / "run.state"}
    train(trials, waveforms_in(resynthesised), ENTRY, **options)
    epochs = []
    monkeypatch.setattr(trainer, "score_trials", lambda *args: epochs.append(0) or score_trials(*args))
    train(trials, waveforms_in(resynthesised), ENTRY, **{**options, **change})
    assert len(epochs) == ENTRY["epochs"]


def test_balanced_class_weights_equalise_the_classes():
    weights = class_weights(np.array([0, 0, 0, 1]), "balanced", Detection.classes)
    assert weights.tolist() == pytest.approx([4 / 6, 2.0])
    assert class_weights(np.array([1, 0, 0, 1]), "balanced", Detection.classes).tolist() == [1.0, 1.0]
    assert class_weights(np.array([0, 0, 0, 1]), "equal", Detection.classes).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("label", "message"), [(0, "3 spoof, 0 bona fide"), (1, "0 spoof, 3 bona fide")])
def test_class_weights_of_a_single_class_are_refused(label, message):
    with pytest.raises(DataError, match=f"training trials: {message}; both classes are needed"):
        class_weights(np.full(3, label), "balanced", Detection.classes)


def test_training_on_a_single_class_is_refused(run, trials):
    with pytest.raises(DataError, match="20 spoof, 0 bona fide"):
        run(trials=trials[trials["codec"] == MUFFLED])


def test_saved_detector_does_not_depend_on_the_process_id(undisturbed, tmp_path, monkeypatch):
    save(undisturbed, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    first = (tmp_path / "detector.pt").read_bytes()
    monkeypatch.setattr(os, "getpid", lambda: 4242)
    save(undisturbed, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    assert (tmp_path / "detector.pt").read_bytes() == first
    assert torch.load(tmp_path / "detector.pt", weights_only=True)["dev_eer"] == undisturbed.dev_error


def test_learning_rate_follows_half_a_cosine_to_the_final_share():
    entry = {**ENTRY, "learning_rate": 1e-4, "training": {"final_share": 0.05}}
    rates = [learning_rate(entry, step, 1000) for step in (0, 500, 1000)]
    assert rates == pytest.approx([1e-4, (1e-4 + 5e-6) / 2, 5e-6])
    assert all(np.diff([learning_rate(entry, step, 50) for step in range(51)]) < 0)


def test_history_has_the_learning_rate_of_the_last_step(undisturbed):
    # 40 trials in batches of 8, three epochs
    expected = [learning_rate(ENTRY, step, 15) for step in (4, 9, 14)]
    assert undisturbed.history["learning_rate"].tolist() == pytest.approx(expected)


def test_training_stops_when_patience_is_exhausted(run, monkeypatch):
    for patience, epochs in ((2, 4), (3, 5)):
        with_gaps(monkeypatch, [0.0, 2.0, 1.0, 0.0, 3.0])
        assert len(run(epochs=5, patience=patience).history) == epochs


def test_average_is_over_the_epochs_that_were_best_so_far(run, monkeypatch):
    seen = with_gaps(monkeypatch, [0.0, 2.0, -1.0, 2.0, 1.0])
    trained = run(epochs=4, average=True)
    weight = "output.weight"
    mean = (seen[0][weight] + seen[1][weight] + seen[3][weight]) / 3
    torch.testing.assert_close(trained.state_dict[weight], mean)
    # statistics of batch normalisation belong to the averaged weights; they are not averaged
    statistics = next(key for key in seen[0] if key.endswith("running_var"))
    old = (seen[0][statistics] + seen[1][statistics] + seen[3][statistics]) / 3
    assert not torch.allclose(trained.state_dict[statistics], old)
    assert len(seen) == 5, "the average is scored on dev too"


def test_averaging_resumes_to_identical_weights(run, monkeypatch):
    whole = run(epochs=3, average=True)
    stop_in_epoch(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run(epochs=3, average=True)
    assert same_weights(run(epochs=3, average=True), whole)


def test_gradient_norm_is_clipped(run, monkeypatch):
    norms, step = [], torch.optim.Adam.step

    def noted(optimiser, *arguments, **options):
        gradients = [parameter.grad for group in optimiser.param_groups for parameter in group["params"]]
        norms.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
        return step(optimiser, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    run(epochs=1, clip=None)
    limit = 0.5 * min(norms)
    norms.clear()
    run(epochs=1, clip=limit)
    assert norms == pytest.approx([limit] * 5, rel=1e-3)


def test_frozen_parameters_are_not_trained(run, monkeypatch):
    build = detectors.build

    def half_frozen(entry):
        model = build(entry)
        model.cnn.requires_grad_(False)
        return model

    monkeypatch.setattr(detectors, "build", half_frozen)
    seed_all(1)
    before = half_frozen(ENTRY).state_dict()
    trained = run(epochs=1).state_dict
    assert torch.equal(trained["cnn.0.weight"], before["cnn.0.weight"])
    assert not torch.equal(trained["output.weight"], before["output.weight"])


def test_tensorboard_curves_are_written_and_continue_after_a_stop(run, monkeypatch, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            run(curves=tmp_path / "curves")
    trained = run(curves=tmp_path / "curves")
    events = EventAccumulator(str(tmp_path / "curves")).Reload()
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == list(range(1, 16))
    assert np.mean([event.value for event in losses[:5]]) == pytest.approx(
        trained.history["train_loss"].iloc[0], rel=1e-5
    )
    assert [event.value for event in events.Scalars("dev/eer")] == pytest.approx(trained.history["dev_eer"].tolist())


def test_aasist_l_learns_eight_trials(resynthesised, trials, tmp_path):
    """It memorises short crops: despite dropout, the loss falls far below chance (0.69)."""
    entry = {**config.detectors()["aasist_l"], "crop_samples": 4000, "batch_size": 8, "epochs": 15}
    entry |= {"learning_rate": 0.003, "training": ENTRY["training"]}
    train_trials = trials[trials["split"] == "train"]
    few = pd.concat([group.head(4) for _, group in train_trials.groupby("codec")])
    both = pd.concat([few, few.assign(split="dev")])
    trained = train(both, waveforms_in(resynthesised), entry, seed=1, device="cpu", workers=0, state=tmp_path / "state")
    assert trained.history["train_loss"].iloc[-3:].mean() < 0.35
    assert trained.dev_error == 0
