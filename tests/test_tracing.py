"""Source tracing: training converges, resumes to equal weights, and measures agree with scikit-learn."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from sklearn import metrics as oracle

from codecfake import detectors
from codecfake.audio import io as audio
from codecfake.data import tables
from codecfake.evaluation import figures, source_tracing
from codecfake.evaluation.objectives import Tracing
from codecfake.evaluation.scoring import score_trials
from codecfake.evaluation.tracing import only_eval, trace_files, trace_trials
from codecfake.pipeline import config
from codecfake.runtime.device import seed_all
from codecfake.training import trainer
from codecfake.training.trainer import Trained, class_weights, save, train
from codecfake.trials.dataset import TrialDataset
from codecfake.util.constants import IDENTITY
from codecfake.util.errors import AudioError, CheckpointError, ConfigError, DataError
from tiny_run import ENTRY, MUFFLED, muffle, waveforms_in
from tracing_run import CLASSES, COARSE, NAMES, TRACER, TWIN, coarsen, make_tracing_run


def confusions(traces, trials):
    return source_tracing.confusions(traces, trials, Tracing(CLASSES).labels(trials), len(NAMES))


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
def tracer(undisturbed) -> detectors.Detector:
    model = detectors.build(TRACER)
    model.load_state_dict(undisturbed.state_dict)
    return model.eval()


def same_weights(one: Trained, other: Trained) -> bool:
    return all(torch.equal(value, other.state_dict[key]) for key, value in one.state_dict.items())


# the model and its training


@pytest.mark.parametrize("name", config.detectors())
def test_every_detector_can_have_a_logit_a_class_and_nothing_else_of_it_changes(name):
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


def test_codecs_that_differ_are_told_apart(undisturbed, tracer, folder, trials):
    assert undisturbed.dev_error == undisturbed.history["dev_balanced_error"].min() < 0.1
    assert undisturbed.history.columns.tolist() == ["epoch", "learning_rate", "train_loss", "dev_balanced_error"]
    eval_trials = only_eval(trials)
    task = Tracing(CLASSES)
    traces = trace_trials(tracer, task, eval_trials, waveforms_in(folder), 7, 0)
    counts = source_tracing.confusions(traces, eval_trials, task.labels(eval_trials), len(task.classes))
    assert counts.shape == (3, 3, 3)
    assert np.trace(counts.sum(axis=0)) > 0.9 * counts.sum() == 0.9 * 36


@pytest.mark.parametrize("average", [False, True])
def test_the_kept_weights_have_the_kept_error(run, folder, trials, average):
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


def test_neither_eval_trials_nor_the_order_of_codecs_change_anything(run, undisturbed, trials):
    entry = {**TRACER, "classes": dict(reversed(CLASSES.items()))}
    assert same_weights(run(entry, trials[trials["split"] != "eval"]), undisturbed)


def test_another_seed_gives_other_weights(run, undisturbed):
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


def test_a_killed_training_goes_on_as_if_never_stopped(run, undisturbed, monkeypatch):
    begun = stop_in_epoch(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        run()
    seed_all(99)
    resumed = run()
    assert len(begun) == 3 + 2, "epochs 1 and 2 must not be trained again"
    assert same_weights(resumed, undisturbed)
    pd.testing.assert_frame_equal(resumed.history, undisturbed.history)


def test_a_state_of_other_classes_is_not_gone_on_with(run, monkeypatch):
    entry = {**TRACER, "epochs": 2}
    run(entry)
    begun = stop_in_epoch(monkeypatch, 99)
    run({**entry, "classes": {**CLASSES, MUFFLED: "rough", COARSE: "dull"}})
    assert len(begun) == 2


def test_codecs_of_one_family_are_one_class_and_weigh_no_more(folder, trials):
    task = Tracing({IDENTITY: "bona fide", MUFFLED: "filter", COARSE: "filter"})
    labels = task.labels(trials)
    assert task.classes == ["bona fide", "filter"]
    assert labels.tolist() == [int(codec != IDENTITY) for codec in trials["codec"]]
    assert class_weights(labels, "balanced", task.classes).tolist() == pytest.approx([1.5, 0.75])


def test_bona_fide_is_the_first_class_and_the_others_go_by_name():
    assert Tracing({"b": "y", IDENTITY: "z", "a": "x", "c": "x"}).classes == ["z", "x", "y"]
    assert Tracing({"b": "y", "a": "x"}).classes == ["x", "y"]


# refused input


@pytest.mark.parametrize(("classes", "found"), [({}, "none"), ({IDENTITY: "a", MUFFLED: "a"}, "a")])
def test_one_class_is_not_enough(classes, found):
    with pytest.raises(ConfigError, match=f"classes: {found}; at least two are needed"):
        Tracing(classes)


def test_a_codec_without_a_class_is_named(run, protocols, trials):
    more = pd.concat([trials, protocols[TWIN]], ignore_index=True)
    with pytest.raises(
        DataError, match="trials of codec 'twin', which has no class; allowed: muffled, coarse, identity"
    ):
        run(trials=more)


def test_a_class_without_training_trials_is_named(run, trials):
    with pytest.raises(DataError, match="training trials: 20 original, 20 dull, 0 rough; all classes are needed"):
        run(trials=trials[(trials["codec"] != COARSE) | (trials["split"] == "dev")])


def test_without_dev_or_eval_trials_there_is_nothing_to_measure(run, trials):
    with pytest.raises(DataError, match="no dev trials"):
        run(trials=trials[trials["split"] != "dev"])
    with pytest.raises(DataError, match="no eval trials"):
        only_eval(trials[trials["split"] != "eval"])


def test_a_model_gone_astray_is_noticed():
    with pytest.raises(DataError, match="a log posterior on dev is not finite"):
        Tracing(CLASSES).selection_metric(np.array([[-1.0, np.nan, -1.0]]), np.array([0]))


@pytest.fixture
def checkpoints(undisturbed, tmp_path) -> dict:
    """Checkpoints of a tracer and a detector with the same network."""
    save(undisturbed, "lfcc_lcnn", TRACER, tmp_path / "tracer.pt")
    trained = Trained(detectors.build(ENTRY).state_dict(), 0.1, pd.DataFrame())
    save(trained, "lfcc_lcnn", ENTRY, tmp_path / "detector.pt")
    return {name: tmp_path / f"{name}.pt" for name in ("tracer", "detector")}


def test_a_saved_tracer_loads_with_its_classes(checkpoints, undisturbed):
    model, classes = detectors.load_tracer(checkpoints["tracer"], "lfcc_lcnn", "cpu")
    assert classes == CLASSES
    assert not model.training
    assert all(torch.equal(value, undisturbed.state_dict[key]) for key, value in model.state_dict().items())
    content = torch.load(checkpoints["tracer"], weights_only=True)
    assert content["dev_balanced_error"] == undisturbed.dev_error
    assert "dev_eer" not in content


def test_a_tracer_is_no_detector_and_a_detector_no_tracer(checkpoints):
    with pytest.raises(CheckpointError, match=r"tracer\.pt: holds a tracer; expected a detector"):
        detectors.load(checkpoints["tracer"], "lfcc_lcnn", "cpu")
    with pytest.raises(CheckpointError, match=r"detector\.pt: holds a detector; expected a tracer"):
        detectors.load_tracer(checkpoints["detector"], "lfcc_lcnn", "cpu")
    with pytest.raises(CheckpointError, match=r"tracer\.pt: holds a 'lfcc_lcnn' detector; expected 'aasist'"):
        detectors.load_tracer(checkpoints["tracer"], "aasist", "cpu")


def test_a_tracer_with_damaged_classes_is_refused(checkpoints):
    content = torch.load(checkpoints["tracer"], weights_only=True)
    for classes, message in ((["a", "b"], "no usable detector entry"), ({"a": "b", "c": "d"}, "size mismatch")):
        torch.save({**content, "entry": {**TRACER, "classes": classes}}, checkpoints["tracer"])
        with pytest.raises(CheckpointError, match=message):
            detectors.load_tracer(checkpoints["tracer"], "lfcc_lcnn", "cpu")


# ranking on dev


def test_the_error_on_dev_is_1_less_the_balanced_accuracy():
    random = np.random.default_rng(0)
    told, labels = np.log(random.dirichlet([1, 1, 1], size=60)), random.choice(3, 60, p=[0.7, 0.2, 0.1])
    error, _ = Tracing(CLASSES).selection_metric(told, labels)
    assert error == pytest.approx(1 - oracle.balanced_accuracy_score(labels, told.argmax(axis=1)))


def test_of_equal_errors_the_surer_comes_first():
    labels, right = np.array([0, 1, 2]), np.eye(3, dtype=bool)
    sure, unsure = (np.log(np.where(right, p, (1 - p) / 2)) for p in (0.9, 0.5))
    task = Tracing(CLASSES)
    assert task.selection_metric(sure, labels)[0] == task.selection_metric(unsure, labels)[0] == 0
    assert task.selection_metric(sure, labels) < task.selection_metric(unsure, labels)
    assert task.selection_metric(sure, labels)[1] == pytest.approx(-np.log(0.9))


# traces


def test_every_eval_trial_has_the_log_posteriors_of_its_own_audio(tracer, folder, trials, speech):
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


def test_codecs_that_make_the_same_samples_share_one_recall(folder, protocols):
    classes = {codec: codec for codec in (IDENTITY, MUFFLED, TWIN)}
    eval_trials = only_eval(pd.concat([protocols[codec] for codec in classes], ignore_index=True))
    seed_all(3)
    model, task = detectors.build({**TRACER, "classes": classes}), Tracing(classes)
    traces = trace_trials(model, task, eval_trials, waveforms_in(folder), 4, 0).set_index("filename")
    assert np.array_equal(*(traces[traces.index.str.startswith(codec)] for codec in (MUFFLED, TWIN)))
    counts = source_tracing.confusions(traces.reset_index(), eval_trials, task.labels(eval_trials), len(task.classes))
    recall = source_tracing.measures(counts, task.classes, 0).set_index(["measure", "class"])["value"]["recall"]
    assert recall[MUFFLED] + recall[TWIN] <= 1


def test_files_are_traced_as_trials_are_and_bad_ones_named(tracer, tmp_path, speech):
    samples = speech(0.5, seed=77)
    heard_as = {"original": samples, "dull": muffle(samples, 16000), "rough": coarsen(samples)}
    paths = [tmp_path / f"{name}.wav" for name in (*heard_as, "none")]
    for name, one in heard_as.items():
        audio.write_wav(tmp_path / f"{name}.wav", one, 16000)
    *found, (_, error) = trace_files(tracer, paths)
    assert [NAMES[probabilities.argmax()] for _, probabilities in found] == NAMES
    assert all(probabilities.sum() == pytest.approx(1) for _, probabilities in found)
    assert isinstance(error, AudioError)


# measures


def guesses(seed: int = 0, speakers: int = 6, trials: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make trials of three classes, and traces that are partly correct."""
    random = np.random.default_rng(seed)
    codecs = random.choice(list(CLASSES), trials, p=[0.5, 0.3, 0.2])
    table = pd.DataFrame(
        {
            "codec": codecs,
            "utterance_id": [f"u{n}" for n in range(trials)],
            "speaker_id": random.choice([f"s{n}" for n in range(speakers)], trials),
        }
    )
    truth = np.array([NAMES.index(CLASSES[codec]) for codec in codecs])
    scores = random.normal(size=(trials, 3)) + 1.2 * np.eye(3)[truth]
    traces = pd.DataFrame(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    traces.columns = [f"log_p({name})" for name in NAMES]
    traces.insert(0, "filename", table["codec"] + "+" + table["utterance_id"])
    return table, traces


def told_apart(trials: pd.DataFrame, traces: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return true and predicted class of each trial."""
    told = traces.set_index("filename").idxmax(axis=1).str.extract(r"\((.*)\)")[0]
    return [CLASSES[codec] for codec in trials["codec"]], told.tolist()


def by_sklearn(truth, told) -> dict[tuple[str, str], float]:
    arguments = {"labels": NAMES, "average": None, "zero_division": np.nan}
    return {
        ("accuracy", ""): oracle.accuracy_score(truth, told),
        ("balanced_accuracy", ""): oracle.balanced_accuracy_score(truth, told),
        ("macro_f1", ""): oracle.f1_score(truth, told, average="macro"),
        **{("recall", name): v for name, v in zip(NAMES, oracle.recall_score(truth, told, **arguments), strict=True)},
        **{
            ("precision", name): v
            for name, v in zip(NAMES, oracle.precision_score(truth, told, **arguments), strict=True)
        },
    }


def measured(trials, traces, seed=0) -> pd.DataFrame:
    counts = confusions(traces, trials)
    return source_tracing.measures(counts, NAMES, seed).set_index(["measure", "class"])


@pytest.mark.parametrize("seed", range(3))
def test_measures_and_confusion_are_those_of_scikit_learn(seed):
    trials, traces = guesses(seed)
    truth, told = told_apart(trials, traces)
    table = measured(trials, traces)
    assert table["value"].to_dict() == pytest.approx(by_sklearn(truth, told), abs=1e-6)
    assert table["speakers"].eq(6).all()
    assert table.loc["recall", "trials"].to_dict() == pd.Series(truth).value_counts().to_dict()
    confusion = source_tracing.confusion_table(confusions(traces, trials), NAMES)
    matrix = confusion.pivot(index="true_class", columns="predicted_class", values="trials").loc[NAMES, NAMES]
    assert np.array_equal(matrix, oracle.confusion_matrix(truth, told, labels=NAMES))


def test_measures_do_not_hang_on_the_order_of_trials_or_traces():
    trials, traces = guesses()
    pd.testing.assert_frame_equal(
        measured(trials, traces), measured(trials.sample(frac=1, random_state=1), traces.sample(frac=1, random_state=2))
    )


def test_intervals_are_those_of_a_bootstrap_by_speaker():
    trials, traces = guesses(speakers=12)
    truth, told = map(np.array, told_apart(trials, traces))
    rows = [np.flatnonzero(trials["speaker_id"] == speaker) for speaker in trials["speaker_id"].unique()]
    random, found = np.random.default_rng(5), []
    for _ in range(300):
        drawn = np.concatenate([rows[number] for number in random.integers(12, size=12)])
        found.append(by_sklearn(truth[drawn], told[drawn]))
    low, high = (pd.DataFrame(found).quantile(q) for q in (0.025, 0.975))
    table = measured(trials, traces)
    assert (table["low"] - low.to_numpy()).abs().max() < 0.03
    assert (table["high"] - high.to_numpy()).abs().max() < 0.03
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    assert measured(trials, traces, seed=1)["low"].ne(table["low"]).any()


def test_speakers_who_are_alike_leave_no_doubt_and_one_alone_no_interval():
    alike = np.tile([[8, 2, 0], [1, 9, 0], [5, 0, 5]], (4, 1, 1))
    table = source_tracing.measures(alike, NAMES, 0)
    assert table["low"].tolist() == table["value"].tolist() == table["high"].tolist()
    alone = source_tracing.measures(alike[:1], NAMES, 0)
    assert alone["value"].equals(table["value"])
    assert alone[["low", "high"]].isna().all(axis=None)


def test_what_a_class_lacks_is_empty_in_the_table(tmp_path):
    """The third class has no trials and is never predicted; the second is never predicted."""
    counts = np.array([[[5, 0, 0], [5, 0, 0], [0, 0, 0]], [[4, 0, 0], [6, 0, 0], [0, 0, 0]]])
    tables.write(source_tracing.measures(counts, NAMES, 0), source_tracing.TracingMeasures, tmp_path / "tracing.tsv")
    table = tables.read(tmp_path / "tracing.tsv", source_tracing.TracingMeasures).set_index(["measure", "class"])[
        "value"
    ]
    assert table["accuracy", ""] == pytest.approx(9 / 20)
    assert table["balanced_accuracy", ""] == 0.5
    assert table["macro_f1", ""] == pytest.approx((2 * 9 / 29 + 0) / 2, abs=1e-6)
    assert table["recall"].isna().tolist() == [False, False, True]
    assert table["precision"].isna().tolist() == [False, True, True]


# the figure


def figure(counts) -> bytes:
    return figures.confusion_matrix(source_tracing.confusion_table(np.array([counts]), NAMES))


def test_the_figure_is_a_png_that_follows_the_numbers():
    counts = [[90, 10, 0], [3, 17, 0], [0, 0, 0]]
    png = figure(counts)
    assert png.startswith(b"\x89PNG")
    assert plt.imread(io.BytesIO(png))[..., :3].std() > 0.05
    assert figure(counts) == png
    assert figure([[90, 10, 0], [3, 17, 0], [0, 0, 1]]) != png
    # equal percentages, different counts
    assert figure([[180, 20, 0], [3, 17, 0], [0, 0, 0]]) != png
    assert plt.get_fignums() == []
