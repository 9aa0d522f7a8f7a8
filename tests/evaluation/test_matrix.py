"""Metrics and the matrix from handwritten score files and protocols: values, files, refused input."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from codecfake.data import tables
from codecfake.evaluation import bootstrap, metrics
from codecfake.evaluation.cells import Evaluation, read_evaluation
from codecfake.evaluation.eer_interval import eer_interval
from codecfake.evaluation.matrix import breakdown, eer_matrix, metrics_table, significance, write_matrix
from codecfake.evaluation.tables import Metrics, Significance
from codecfake.trials.detector_id import DetectorId
from codecfake.trials.protocol import trial_names
from codecfake.util.errors import DataError

PROTOCOL_HEADER = "speaker_id\tutterance_id\tcodec\tlabel\tsplit\tshard\trow\n"
UTTERANCES = ["u0", "u1", "u2", "u3", "d0", "d1"]
ALPHA, BETA = DetectorId("alpha", 7), DetectorId("beta", 7)
#: CM scores of `UTTERANCES`, four of eval and two of dev, by detector and codec
SCORES = {
    ALPHA: {
        "identity": [1.0, 2.0, 3.0, 4.0, 2.0, 3.0],
        "alpha": [-1.0, -2.0, -3.0, -4.0, 0.0, 1.0],
        "beta": [1.0, 2.0, 3.0, 4.0, 10.0, 11.0],
        "identity@noise": [0.0, 0.0, 0.0, 2.0],
        "beta@noise": [1.0, 1.0, 1.0, -1.0],
    },
    BETA: {
        "identity": [1.0, 2.0, 3.0, 4.0, 2.0, 3.0],
        "alpha": [0.0, 0.5, 1.5, 0.5, 0.0, 0.0],
        "beta": [5.0, 6.0, 7.0, 8.0, 4.0, 2.5],
        "identity@noise": [1.0, 1.0, 1.0, 1.0],
        "beta@noise": [0.0, 0.0, 0.0, 0.0],
    },
}
TRAINED_ON = {"alpha": ["alpha"], "beta": ["beta"]}
COLUMNS = ["alpha", "beta", "pooled", "noise"]


@pytest.fixture
def protocols(tmp_path):
    """Protocols with one train, four eval and two dev utterances per codec; noise on bona fide speech and beta."""
    paths = {}
    eval_rows = [(f"s{n % 2 + 1}", f"u{n}", "eval") for n in range(4)]
    rows = [("s0", "t0", "train"), *eval_rows, ("s3", "d0", "dev"), ("s4", "d1", "dev")]
    tables = {codec: [(*row, codec) for row in rows] for codec in ("identity", "alpha", "beta")}
    tables["noise"] = [(*row, f"{codec}@noise") for codec in ("identity", "beta") for row in eval_rows]
    for name, table in tables.items():
        lines = [
            f"{who}\t{utterance}\t{codec}\t{'bonafide' if 'identity' in codec else 'spoof'}\t{split}\t0\t{n}\n"
            for n, (who, utterance, split, codec) in enumerate(table)
        ]
        paths[name] = tmp_path / f"{name}.protocol.tsv"
        paths[name].write_text(PROTOCOL_HEADER + "".join(lines))
    return paths


@pytest.fixture
def scores(tmp_path):
    paths = {}
    for detector, columns in SCORES.items():
        names = [f"{codec}+{name}" for codec, values in columns.items() for name in UTTERANCES[: len(values)]]
        lines = [f"{name}\t{value}\n" for name, value in zip(names, np.concatenate([*columns.values()]), strict=True)]
        paths[detector] = tmp_path / f"{detector}.scores.tsv"
        # in random order: scores are matched by name, not by line
        paths[detector].write_text("filename\tcm-score\n" + "".join(sorted(lines, reverse=True)))
    return paths


def replace(path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def table_of(scores, protocols, trained_on=TRAINED_ON) -> pd.DataFrame:
    return metrics_table(read_evaluation(scores.items(), protocols), trained_on)


def eers(scores, protocols) -> pd.DataFrame:
    return eer_matrix(table_of(scores, protocols))


def test_matrix_has_a_row_per_detector_and_a_column_per_codec_pooled_and_condition(scores, protocols):
    eer = eers(scores, protocols)
    assert eer.index.tolist() == ["alpha", "beta"]
    assert eer.columns.tolist() == COLUMNS
    # beta on alpha: threshold 1.5 rejects one of four bona fide trials and accepts one of four spoof trials
    assert eer.loc["alpha"].tolist() == pytest.approx([0, 0.5, 1 / 3, 0.75], abs=1e-6)
    assert eer.loc["beta"].tolist() == pytest.approx([0.25, 1, 0.5, 0], abs=1e-6)


def test_columns_of_codecs_share_bona_fide_trials_and_conditions_have_their_own(scores, protocols):
    evaluation = read_evaluation(scores.items(), protocols)
    pooled, noise = (evaluation.cell(BETA, "pooled"), evaluation.cell(ALPHA, "noise"))
    assert pooled.bonafide.tolist() == [1, 2, 3, 4]
    assert pooled.spoof.tolist() == [0, 0.5, 1.5, 0.5, 5, 6, 7, 8]
    assert pooled.spoof_speakers.tolist() == ["s1", "s2"] * 4
    assert (noise.bonafide.tolist(), noise.spoof.tolist()) == ([0, 0, 0, 2], [1, 1, 1, -1])


def test_bona_fide_scores_are_shared_by_the_codec_columns_of_a_detector(scores, protocols):
    evaluation, before = read_evaluation(scores.items(), protocols), eers(scores, protocols)
    for detector in SCORES:
        for column in COLUMNS[:3]:
            assert evaluation.cell(detector, column).bonafide.tolist() == [1, 2, 3, 4]
    assert evaluation.cell(BETA, "alpha").spoof.tolist() == [0, 0.5, 1.5, 0.5]
    replace(scores[ALPHA], "identity+u3\t4.0", "identity+u3\t-9.0")
    changed = eers(scores, protocols)
    assert (changed.loc["alpha", COLUMNS[:3]] > before.loc["alpha", COLUMNS[:3]]).all()
    assert changed.loc["alpha", "noise"] == before.loc["alpha", "noise"]
    assert changed.loc["beta"].equals(before.loc["beta"])


def test_extra_scores_and_trial_order_do_not_matter(scores, protocols):
    expected = table_of(scores, protocols)
    scores[ALPHA].write_text(scores[ALPHA].read_text() + "identity+t0\t-50\ngamma+u0\t50\n")
    for path in protocols.values():
        head, *lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([head, *lines[::-1]]))
    pd.testing.assert_frame_equal(table_of(scores, protocols), expected)


def test_scores_of_a_detector_may_be_in_several_files(scores, protocols, tmp_path):
    head, *lines = scores[BETA].read_text().splitlines(keepends=True)
    named = list(scores.items())[:1]
    for number in range(2):
        (tmp_path / f"{number}.tsv").write_text("".join([head, *lines[number::2]]))
        named.append((BETA, tmp_path / f"{number}.tsv"))
    expected = table_of(scores, protocols)
    pd.testing.assert_frame_equal(metrics_table(read_evaluation(named, protocols), TRAINED_ON), expected)


def test_detector_without_codec_of_its_name_has_a_row(scores, protocols):
    eer = eers({**scores, DetectorId("pooled", 7): scores[BETA]}, protocols)
    assert eer.index.tolist() == ["alpha", "beta", "pooled"]
    assert eer.loc["pooled"].tolist() == eer.loc["beta"].tolist()


def test_every_seed_has_a_row_and_the_matrix_has_the_mean(scores, protocols):
    table = table_of({ALPHA: scores[ALPHA], DetectorId("alpha", 8): scores[BETA]}, protocols)
    assert table["seed"].tolist() == ["7"] * 4 + ["8"] * 4
    assert table["trained_on"].unique().tolist() == ["alpha"]
    each = [table.loc[table["seed"] == seed, "eer"].to_numpy() for seed in ("7", "8")]
    assert eer_matrix(table).loc["alpha"].tolist() == pytest.approx(np.mean(each, axis=0).tolist())


@pytest.mark.parametrize("name", ["identity+u2", "beta+u1", "alpha+d0", "beta@noise+u3"])
def test_trial_without_score_is_named(scores, protocols, name):
    replace(scores[BETA], f"{name}\t", f"x{name}\t")
    with pytest.raises(DataError, match=rf"beta@7: no score for trial '{re.escape(name)}' \(1 missing\)"):
        table_of(scores, protocols, {"alpha": ["alpha"], "beta": ["alpha", "beta"]})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nan", r"alpha@7\.scores\.tsv: column 'cm-score': .*nan.* \(row \d+: 'identity\+u1'"),
        ("", r"alpha@7\.scores\.tsv: column 'cm-score': .*'identity\+u1'"),
        ("high", r"alpha@7\.scores\.tsv: column 'cm-score': 'high' .*'identity\+u1'"),
        ("inf", "a bonafide score is inf; only finite scores"),
    ],
)
def test_invalid_score_is_refused(scores, protocols, value, message):
    replace(scores[ALPHA], "identity+u1\t2.0", f"identity+u1\t{value}")
    with pytest.raises(DataError, match=message):
        table_of(scores, protocols)


def test_a_trial_with_two_scores_is_refused(scores, protocols):
    replace(scores[ALPHA], "identity+u1\t", "identity+u0\t")
    with pytest.raises(DataError, match=r"column 'filename': 'identity\+u0' breaks field_uniqueness"):
        read_evaluation(scores.items(), protocols)


@pytest.mark.parametrize("kind", ["scores", "protocol"])
def test_a_missing_table_is_named(scores, protocols, kind):
    {"scores": scores[ALPHA], "protocol": protocols["alpha"]}[kind].unlink()
    with pytest.raises(DataError, match=rf"alpha(@7)?\.{kind}\.tsv: cannot be read"):
        read_evaluation(scores.items(), protocols)


def test_dev_threshold_of_the_train_codecs_is_applied_to_eval(scores, protocols):
    with_baseline = {**scores, DetectorId("published"): scores[ALPHA]}
    table = table_of(with_baseline, protocols).set_index(["trained_on", "evaluated_on"])
    # alpha: bona fide 2, 3 above spoof 0, 1
    assert table.loc["alpha", "dev_threshold"].tolist() == [1.5] * 4
    assert table.loc["alpha", "dev_miss"].tolist() == [0.25, 0.25, 0.25, 0.75]
    assert table.loc["alpha", "dev_false_alarm"].tolist() == [0, 0.75, 0.375, 0]
    # the same scores for all codecs: 2, 3 against 0, 1, 10, 11; half of each class is below 2.5
    assert table.loc["published", "dev_threshold"].tolist() == [2.5] * 4
    assert table.loc["published", "dev_miss"].tolist() == [0.5, 0.5, 0.5, 1]
    assert table.loc["published", "dev_false_alarm"].tolist() == [0, 0.5, 0.25, 0]
    assert table.loc["published", "seed"].tolist() == [""] * 4


def test_every_metric_equals_that_of_the_cell_scores(scores, protocols):
    evaluation, table = read_evaluation(scores.items(), protocols), table_of(scores, protocols)
    for row in table.to_dict("records"):
        cell = evaluation.cell(DetectorId(row["trained_on"], int(row["seed"])), row["evaluated_on"])
        expected = metrics.summary(*cell[:2])
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)
        assert [row["eer_low"], row["eer_high"]] == pytest.approx(eer_interval(*cell), abs=1e-6)
        assert (row["bonafide_trials"], row["spoof_trials"], row["speakers"]) == (4, len(cell.spoof), 2)


def test_single_speaker_has_only_an_interval_by_trials(scores, protocols):
    for path in protocols.values():
        path.write_text(path.read_text().replace("s2\t", "s1\t"))
    table = table_of(scores, protocols)
    assert set(table["speakers"]) == {1}
    assert table[["eer_low", "eer_high"]].isna().all(axis=None)
    assert table.drop(columns=["eer_low", "eer_high"]).notna().all(axis=None)
    compared = significance(read_evaluation(scores.items(), protocols), "alpha", 0)
    assert compared["difference"].tolist() == pytest.approx([0.25, 0.5, 1 / 6, -0.75], abs=1e-6)


@pytest.mark.parametrize("speakers", [1, 2])
def test_metrics_table_round_trips(scores, protocols, tmp_path, speakers):
    for path in protocols.values():
        path.write_text(path.read_text().replace("s2\t", f"s{speakers}\t"))
    table = table_of({**scores, DetectorId("published"): scores[ALPHA]}, protocols)
    tables.write(table, Metrics, tmp_path / "metrics.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "metrics.tsv", Metrics), table)


def test_invalid_seed_is_refused(scores, protocols, tmp_path):
    tables.write(table_of(scores, protocols), Metrics, tmp_path / "metrics.tsv")
    (tmp_path / "metrics.tsv").write_text((tmp_path / "metrics.tsv").read_text().replace("\t7\talpha", "\t7.0\talpha"))
    with pytest.raises(DataError, match=r"metrics\.tsv: column 'seed': '7\.0' breaks .*\(row 0: 'alpha', '7\.0'\)"):
        tables.read(tmp_path / "metrics.tsv", Metrics)


def test_the_eer_is_broken_down_by_speaker_and_gender(scores, protocols):
    table = breakdown(read_evaluation(scores.items(), protocols), {"s1": "F", "s2": "M", "s3": "M"})
    cell = table[(table["trained_on"] == "beta") & (table["evaluated_on"] == "alpha")]
    # s1: bona fide 1, 3 and spoof 0, 1.5; s2: 2, 4 and 0.5, 0.5
    assert cell[["by", "group", "eer"]].to_numpy().tolist() == [
        ["speaker", "s1", 0.5], ["speaker", "s2", 0], ["gender", "F", 0.5], ["gender", "M", 0],
    ]  # fmt: skip
    assert set(cell["bonafide_trials"]) == set(cell["spoof_trials"]) == {2}
    assert len(table) == 2 * 4 * 4


def test_groups_without_a_class_or_gender_are_not_in_the_breakdown(scores, protocols):
    replace(protocols["noise"], "s1\tu0\tidentity@noise", "s5\tu0\tidentity@noise")
    replace(protocols["noise"], "s1\tu2\tidentity@noise", "s5\tu2\tidentity@noise")
    table = breakdown(read_evaluation(scores.items(), protocols), {"s1": "F", "s2": "", "s5": "M"})
    groups = {column: part["group"].unique().tolist() for column, part in table.groupby("evaluated_on")}
    assert groups == {**{column: ["s1", "s2", "F"] for column in COLUMNS[:3]}, "noise": ["s2"]}


@pytest.fixture
def many():
    """An evaluation with eight speakers: `worse` is far worse than `pooled`, `same` has equal scores."""
    labels = pd.Series(["bonafide", "spoof"] * 80)
    trials = pd.DataFrame({"codec": labels, "label": labels, "utterance_id": [f"u{n}" for n in range(160)]})
    trials["speaker_id"] = [f"s{n // 20}" for n in range(160)]
    random = np.random.default_rng(0)
    good, bad = (pd.Series(random.normal(gap * (labels == "bonafide")), trial_names(trials)) for gap in (2, 0))
    detectors = {DetectorId("worse", 1): bad, DetectorId("worse", 2): good}
    detectors |= {DetectorId("pooled", 1): good, DetectorId("same"): good}
    return Evaluation(detectors, {"alpha": trials, "beta": trials[:120]}, trials)


def test_first_seed_of_each_row_is_compared_with_the_reference(many):
    table = significance(many, "pooled", seed=3).set_index(["trained_on", "evaluated_on"])
    assert table.index.tolist() == [(row, column) for column in ("alpha", "beta") for row in ("worse", "same")]
    worse, cells = table.loc["worse", "alpha"], [many.cell(DetectorId(row, 1), "alpha") for row in ("worse", "pooled")]
    expected = bootstrap.paired(*cells[0][:2], *cells[1][:2], *cells[0][2:], seed=3)
    assert worse["difference"] == pytest.approx(metrics.eer(*cells[0][:2]) - metrics.eer(*cells[1][:2]), abs=1e-6)
    assert worse[["low", "high", "p"]].tolist() == pytest.approx([expected.low, expected.high, expected.p], abs=1e-6)
    assert 0 < worse["low"] < worse["difference"] < worse["high"]
    assert significance(many, "worse", seed=3)["difference"].iloc[0] == -worse["difference"]


def test_p_values_are_adjusted_within_a_column(many):
    table = significance(many, "pooled", seed=3).set_index(["trained_on", "evaluated_on"])
    assert (
        table.loc["same", ["difference", "low", "high", "p", "p_adjusted"]].to_numpy().tolist() == [[0, 0, 0, 1, 1]] * 2
    )
    # Holm: the smaller of two p values is doubled
    assert (table.loc["worse", "p"] < 0.01).all()
    assert table.loc["worse", "p_adjusted"].tolist() == pytest.approx((2 * table.loc["worse", "p"]).tolist(), abs=2e-6)


def test_significance_of_a_single_row_is_empty(scores, protocols, tmp_path):
    table = significance(read_evaluation([(ALPHA, scores[ALPHA])], protocols), "alpha", 0)
    tables.write(table, Significance, tmp_path / "significance.tsv")
    assert len(tables.read(tmp_path / "significance.tsv", Significance)) == 0


def test_matrix_tsv_is_in_percent(scores, protocols, tmp_path):
    write_matrix(table_of(scores, protocols), tmp_path / "matrix.tsv", tmp_path / "matrix.json")
    assert (tmp_path / "matrix.tsv").read_text() == (
        "trained_on\talpha\tbeta\tpooled\tnoise\n" "alpha\t0.0\t50.0\t33.33\t75.0\n" "beta\t25.0\t100.0\t50.0\t0.0\n"
    )  # fmt: skip


def test_matrix_json_has_fractions_and_trial_counts(scores, protocols, tmp_path):
    write_matrix(table_of(scores, protocols), tmp_path / "matrix.tsv", tmp_path / "matrix.json")
    cells = json.loads((tmp_path / "matrix.json").read_text())
    spoof_trials = dict(zip(COLUMNS, [4, 4, 8, 4], strict=True))
    values = {"alpha": [0.0, 0.5, 0.333333, 0.75], "beta": [0.25, 1.0, 0.5, 0.0]}
    for row, eer in values.items():
        assert cells[row] == {
            column: {"eer": value, "bonafide_trials": 4, "spoof_trials": spoof_trials[column]}
            for column, value in zip(COLUMNS, eer, strict=True)
        }
    assert list(cells) == list(values)
