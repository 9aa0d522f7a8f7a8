"""Measures of source tracing agree with scikit-learn; the confusion matrix as a figure."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn import metrics as oracle

from codecfake.data import tables
from codecfake.evaluation import figures, source_tracing
from codecfake.evaluation.objectives import Tracing
from tracing_run import CLASSES, NAMES


def confusions(traces, trials):
    return source_tracing.confusions(traces, trials, Tracing(CLASSES).labels(trials), len(NAMES))


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


def true_and_predicted(trials: pd.DataFrame, traces: pd.DataFrame) -> tuple[list[str], list[str]]:
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
def test_measures_and_confusion_equal_scikit_learn(seed):
    trials, traces = guesses(seed)
    truth, told = true_and_predicted(trials, traces)
    table = measured(trials, traces)
    assert table["value"].to_dict() == pytest.approx(by_sklearn(truth, told), abs=1e-6)
    assert table["speakers"].eq(6).all()
    assert table.loc["recall", "trials"].to_dict() == pd.Series(truth).value_counts().to_dict()
    confusion = source_tracing.confusion_table(confusions(traces, trials), NAMES)
    matrix = confusion.pivot(index="true_class", columns="predicted_class", values="trials").loc[NAMES, NAMES]
    assert np.array_equal(matrix, oracle.confusion_matrix(truth, told, labels=NAMES))


def test_measures_do_not_depend_on_the_order_of_trials_or_traces():
    trials, traces = guesses()
    pd.testing.assert_frame_equal(
        measured(trials, traces), measured(trials.sample(frac=1, random_state=1), traces.sample(frac=1, random_state=2))
    )


def test_intervals_equal_a_bootstrap_by_speaker():
    trials, traces = guesses(speakers=12)
    truth, told = map(np.array, true_and_predicted(trials, traces))
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


def test_identical_speakers_have_zero_width_and_a_single_one_no_interval():
    alike = np.tile([[8, 2, 0], [1, 9, 0], [5, 0, 5]], (4, 1, 1))
    table = source_tracing.measures(alike, NAMES, 0)
    assert table["low"].tolist() == table["value"].tolist() == table["high"].tolist()
    alone = source_tracing.measures(alike[:1], NAMES, 0)
    assert alone["value"].equals(table["value"])
    assert alone[["low", "high"]].isna().all(axis=None)


def test_undefined_measures_of_a_class_are_empty(tmp_path):
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


def test_figure_is_a_png_and_depends_on_the_numbers():
    counts = [[90, 10, 0], [3, 17, 0], [0, 0, 0]]
    png = figure(counts)
    assert png.startswith(b"\x89PNG")
    assert plt.imread(io.BytesIO(png))[..., :3].std() > 0.05
    assert figure(counts) == png
    assert figure([[90, 10, 0], [3, 17, 0], [0, 0, 1]]) != png
    # equal percentages, different counts
    assert figure([[180, 20, 0], [3, 17, 0], [0, 0, 0]]) != png
    assert plt.get_fignums() == []
