"""Tracers: training converges and resumes to equal weights; checkpoints; the traces of a trained tracer."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import metrics as oracle

from codecfake import detectors
from codecfake.audio import io as audio
from codecfake.detectors import loading
from codecfake.detectors.base import Detector
from codecfake.evaluation import source_tracing
from codecfake.evaluation.objectives import Tracing
from codecfake.evaluation.scoring import score_trials
from codecfake.evaluation.tracing import only_eval, trace_files, trace_trials
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.training import trainer
from codecfake.training.trainer import Trained, class_weights, save, train
from codecfake.trials.dataset import TrialDataset
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError, CheckpointError, DataError
from tiny_run import ENTRY, MUFFLED, muffle, waveforms_in
from tracing_run import CLASSES, COARSE, NAMES, TRACER, TWIN, coarsen, make_tracing_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("resynthesised")


@pytest.fixture(scope="module")
def protocols(folder, speech) -> dict[str, pd.DataFrame]:
    return make_tracing_run(folder, speech, {"train": 5, "dev": 3, "eval": 3})


@pytest.fixture(scope="module")
def trials(protocols) -> pd.DataFrame:
    return pd.concat([protocols[codec] for codec in CLASSES], ignore_index=True)


@pytest.fixture
def run(folder, trials, tmp_path):
    def run(entry: dict = TRACER, trials: pd.DataFrame = trials, seed: int = 1) -> Trained:
        options = {"seed": seed, "device": "cpu", "workers": 0, "state": tmp_path / "run.state"}
        return train(trials, waveforms_in(folder), entry, **options)

    return run


@pytest.fixture(scope="module")
def undisturbed(folder, trials, tmp_path_factory) -> Trained:
    options = {"seed": 1, "device": "cpu", "workers": 0, "state": tmp_path_factory.mktemp("state") / "run.state"}
    return train(trials, waveforms_in(folder), TRACER, **options)


@pytest.fixture(scope="module")
def tracer(undisturbed) -> Detector:
    model = detectors.build(TRACER)
    model.load_state_dict(undisturbed.state_dict)
    return model.eval()


def same_weights(one: Trained, other: Trained) -> bool:
    return all(torch.equal(value, other.state_dict[key]) for key, value in one.state_dict.items())


# the model and its training


@pytest.mark.parametrize("name", config.detectors())
def test_tracer_differs_from_its_detector_only_in_the_number_of_logits(name):
    entry = config.detectors()[name]
    with torch.device("meta"):
        tracer = detectors.build({**entry, "classes": dict(zip("abcdef", "vwxyyz", strict=True))}).to("meta").eval()
        detector = detectors.build(entry).to("meta").eval()
        assert tracer(torch.zeros(3, entry["crop_samples"])).shape == (3, 5)
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (tracer, detector)]
    assert shapes[0].keys() == shapes[1].keys()
    changed = {
        key.rsplit(".", 1)[1]: (shapes[0][key][0], shapes[1][key][0])
        for key in shapes[0]
        if shapes[0][key] != shapes[1][key]
    }
    assert changed == {"weight": (5, 2), "bias": (5, 2)}


def test_different_codecs_are_traced(undisturbed, tracer, folder, trials):
    assert undisturbed.dev_error == undisturbed.history["dev_balanced_error"].min() < 0.1
    assert undisturbed.history.columns.tolist() == ["epoch", "learning_rate", "train_loss", "dev_balanced_error"]
    eval_trials = only_eval(trials)
    task = Tracing(CLASSES)
    traces = trace_trials(tracer, task, eval_trials, waveforms_in(folder), 7, 0)
    counts = source_tracing.confusions(traces, eval_trials, task.labels(eval_trials), len(task.classes))
    assert counts.shape == (3, 3, 3)
    assert np.trace(counts.sum(axis=0)) > 0.9 * counts.sum() == 0.9 * 36


@pytest.mark.parametrize("average", [False, True])
def test_selected_weights_have_the_reported_dev_error(run, folder, trials, average):
    entry = {**TRACER, "epochs": 2, "training": {**TRACER["training"], "average": average}}
    trained, model = run(entry), detectors.build(entry)
    model.load_state_dict(trained.state_dict)
    dev, task = trials[trials["split"] == "dev"], Tracing(CLASSES)
    dataset = TrialDataset(dev, waveforms_in(folder), 4000, label=task.labels)
    told = score_trials(model, dataset, 5, 0, predict=task.predict)
    truth = [NAMES.index(CLASSES[codec]) for codec in dev["codec"]]
    assert dataset.labels.tolist() == truth
    error = 1 - oracle.balanced_accuracy_score(truth, told.argmax(axis=1))
    assert trained.dev_error == pytest.approx(error, abs=1e-12)


def test_weights_do_not_depend_on_eval_trials_and_codec_order(run, undisturbed, trials):
    entry = {**TRACER, "classes": dict(reversed(CLASSES.items()))}
    assert same_weights(run(entry, trials[trials["split"] != "eval"]), undisturbed)


def test_different_seed_gives_different_weights(run, undisturbed):
    assert not same_weights(run(seed=2), undisturbed)


def stop_in_epoch(monkeypatch, number: int) -> list[int]:
    """Interrupt the training in an epoch; return the list of epochs begun."""
    begun = []

    def scored(*arguments):
        begun.append(len(begun) + 1)
        if len(begun) == number:
            raise KeyboardInterrupt
        return score_trials(*arguments)

    monkeypatch.setattr(trainer, "score_trials", scored)
    return begun


def test_interrupted_training_resumes_to_identical_weights(run, undisturbed, monkeypatch):
    begun = stop_in_epoch(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run()
    seed_all(99)
    resumed = run()
    assert len(begun) == 3 + 2, "epochs 1 and 2 must not be trained again"
    assert same_weights(resumed, undisturbed)
    pd.testing.assert_frame_equal(resumed.history, undisturbed.history)


def test_state_of_other_classes_is_not_resumed(run, monkeypatch):
    entry = {**TRACER, "epochs": 2}
    run(entry)
    begun = stop_in_epoch(monkeypatch, 99)
    run({**entry, "classes": {**CLASSES, MUFFLED: "rough", COARSE: "dull"}})
    assert len(begun) == 2


def test_codecs_of_one_family_share_one_class_and_its_weight(folder, trials):
    task = Tracing({IDENTITY: "bona fide", MUFFLED: "filter", COARSE: "filter"})
    labels = task.labels(trials)
    assert task.classes == ["bona fide", "filter"]
    assert labels.tolist() == [int(codec != IDENTITY) for codec in trials["codec"]]
    assert class_weights(labels, "balanced", task.classes).tolist() == pytest.approx([1.5, 0.75])


# refused input


def test_codec_without_class_is_named(run, protocols, trials):
    more = pd.concat([trials, protocols[TWIN]], ignore_index=True)
    with pytest.raises(
        DataError, match="trials of codec 'twin', which has no class; allowed: muffled, coarse, identity"
    ):
        run(trials=more)


def test_class_without_training_trials_is_named(run, trials):
    with pytest.raises(DataError, match="training trials: 20 original, 20 dull, 0 rough; all classes are needed"):
        run(trials=trials[(trials["codec"] != COARSE) | (trials["split"] == "dev")])


def test_missing_dev_or_eval_trials_are_refused(run, trials):
    with pytest.raises(DataError, match="no dev trials"):
        run(trials=trials[trials["split"] != "dev"])
    with pytest.raises(DataError, match="no eval trials"):
        only_eval(trials[trials["split"] != "eval"])


@pytest.fixture
def checkpoints(undisturbed, tmp_path) -> dict:
    """Checkpoints of a tracer and a detector with the same network."""
    save(undisturbed, "lfcc_lcnn", TRACER, tmp_path / "tracer.pt")
    trained = Trained(detectors.build(ENTRY).state_dict(), 0.1, pd.DataFrame())
    save(trained, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    return {name: tmp_path / f"{name}.pt" for name in ("tracer", "detector")}


def test_a_saved_tracer_loads_with_its_classes(checkpoints, undisturbed):
    model, classes = loading.load_tracer(checkpoints["tracer"], "lfcc_lcnn", "cpu")
    assert classes == CLASSES
    assert not model.training
    assert all(torch.equal(value, undisturbed.state_dict[key]) for key, value in model.state_dict().items())
    content = torch.load(checkpoints["tracer"], weights_only=True)
    assert content["dev_balanced_error"] == undisturbed.dev_error
    assert "dev_eer" not in content


def test_tracer_and_detector_checkpoints_are_not_interchangeable(checkpoints):
    with pytest.raises(CheckpointError, match=r"tracer\.pt: holds a tracer; expected a detector"):
        loading.load(checkpoints["tracer"], "lfcc_lcnn", "cpu")
    with pytest.raises(CheckpointError, match=r"detector\.pt: holds a detector; expected a tracer"):
        loading.load_tracer(checkpoints["detector"], "lfcc_lcnn", "cpu")
    with pytest.raises(CheckpointError, match=r"tracer\.pt: holds a 'lfcc_lcnn' detector; expected 'aasist'"):
        loading.load_tracer(checkpoints["tracer"], "aasist", "cpu")


def test_a_tracer_with_damaged_classes_is_refused(checkpoints):
    content = torch.load(checkpoints["tracer"], weights_only=True)
    for classes, message in ((["a", "b"], "its detector entry is invalid"), ({"a": "b", "c": "d"}, "other shapes: 2")):
        torch.save({**content, "entry": {**TRACER, "classes": classes}}, checkpoints["tracer"])
        with pytest.raises(CheckpointError, match=message):
            loading.load_tracer(checkpoints["tracer"], "lfcc_lcnn", "cpu")


# traces


def test_every_eval_trial_is_traced_on_its_own_audio(tracer, folder, trials, speech):
    eval_trials = only_eval(trials)
    one, seven = (
        trace_trials(tracer, Tracing(CLASSES), eval_trials, waveforms_in(folder), size, 0).set_index("filename")
        for size in (1, 7)
    )
    assert one.columns.tolist() == ["log_p(original)", "log_p(dull)", "log_p(rough)"]
    assert sorted(one.index) == sorted(f"{codec}+eval{n}_{k}" for codec in CLASSES for n in range(3) for k in range(4))
    np.testing.assert_allclose(np.exp(one).sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(one, seven, atol=2e-5)
    # the 34th utterance of make_run: train and dev have 20 and 12
    samples = audio.from_pcm16(audio.to_pcm16(speech(0.45, seed=33)))[:4000]
    with torch.inference_mode():
        expected = tracer(torch.from_numpy(samples.copy())[None])[0].log_softmax(0)
    np.testing.assert_allclose(one.loc["identity+eval0_1"], expected, atol=1e-4)


def test_recalls_of_identical_codecs_sum_to_at_most_one(folder, protocols):
    classes = {codec: codec for codec in (IDENTITY, MUFFLED, TWIN)}
    eval_trials = only_eval(pd.concat([protocols[codec] for codec in classes], ignore_index=True))
    seed_all(3)
    model, task = detectors.build({**TRACER, "classes": classes}), Tracing(classes)
    traces = trace_trials(model, task, eval_trials, waveforms_in(folder), 4, 0).set_index("filename")
    assert np.array_equal(*(traces[traces.index.str.startswith(codec)] for codec in (MUFFLED, TWIN)))
    counts = source_tracing.confusions(traces.reset_index(), eval_trials, task.labels(eval_trials), len(task.classes))
    recall = source_tracing.measures(counts, task.classes, 0).set_index(["measure", "class"])["value"]["recall"]
    assert recall[MUFFLED] + recall[TWIN] <= 1


def test_files_are_traced_like_trials_and_bad_ones_named(tracer, tmp_path, speech):
    samples = speech(0.5, seed=77)
    heard_as = {"original": samples, "dull": muffle(samples, 16000), "rough": coarsen(samples)}
    paths = [tmp_path / f"{name}.wav" for name in (*heard_as, "none")]
    for name, one in heard_as.items():
        audio.write(tmp_path / f"{name}.wav", one, 16000)
    *found, (_, error) = trace_files(tracer, paths)
    assert [NAMES[probabilities.argmax()] for _, probabilities in found] == NAMES
    assert all(probabilities.sum() == pytest.approx(1) for _, probabilities in found)
    assert isinstance(error, AudioError)
