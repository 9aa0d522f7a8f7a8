"""The matrix from score files and protocols written by hand: its values, its files, what is refused."""

import json
import re

import pytest

from codecfake.errors import DataError
from codecfake.evaluate import evaluate, write_matrix

PROTOCOL_HEADER = "speaker_id\tutterance_id\tcodec\tlabel\tsplit\tshard\trow\n"
#: CM scores of the eval utterances u0 … u3 by train codec and codec
SCORES = {
    "alpha": {"identity": [1.0, 2.0, 3.0, 4.0], "alpha": [-1.0, -2.0, -3.0, -4.0], "beta": [1.0, 2.0, 3.0, 4.0]},
    "beta": {"identity": [1.0, 2.0, 3.0, 4.0], "alpha": [0.0, 0.5, 1.5, 0.5], "beta": [5.0, 6.0, 7.0, 8.0]},
}


@pytest.fixture
def protocols(tmp_path):
    """Four eval utterances in each codec, between one of train and one of dev."""
    paths = {}
    for codec in ("identity", "alpha", "beta"):
        label = "bonafide" if codec == "identity" else "spoof"
        rows = [("s0", "t0", "train"), *((f"s{n % 2 + 1}", f"u{n}", "eval") for n in range(4)), ("s3", "d0", "dev")]
        lines = [f"{who}\t{name}\t{codec}\t{label}\t{split}\t0\t{n}\n" for n, (who, name, split) in enumerate(rows)]
        paths[codec] = tmp_path / f"{codec}.protocol.tsv"
        paths[codec].write_text(PROTOCOL_HEADER + "".join(lines))
    return paths


@pytest.fixture
def scores(tmp_path):
    paths = {}
    for train_codec, columns in SCORES.items():
        lines = [f"{codec}+u{n}\t{value}\n" for codec, values in columns.items() for n, value in enumerate(values)]
        paths[train_codec] = tmp_path / f"{train_codec}.scores.tsv"
        # in no order: scores belong to names, not to lines
        paths[train_codec].write_text("filename\tcm-score\n" + "".join(sorted(lines, reverse=True)))
    return paths


def replace(path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_matrix_has_train_codecs_down_and_eval_codecs_across(scores, protocols):
    eer = evaluate(scores, protocols).eer
    assert eer.index.tolist() == ["alpha", "beta"]
    assert eer.columns.tolist() == ["alpha", "beta"]
    # beta on alpha: at threshold 1.5 one of four bona fide is missed and one of four spoof accepted
    assert eer.to_numpy().tolist() == [[0.0, 0.5], [0.25, 1.0]]


def test_bona_fide_scores_are_shared_by_a_detectors_cells(scores, protocols):
    evaluation = evaluate(scores, protocols)
    assert {codec: values.tolist() for codec, values in evaluation.bonafide.items()} == {
        "alpha": [1, 2, 3, 4],
        "beta": [1, 2, 3, 4],
    }
    assert evaluation.spoof["beta", "alpha"].tolist() == [0, 0.5, 1.5, 0.5]
    assert evaluation.spoof.keys() == {(train, test) for train in SCORES for test in SCORES}
    replace(scores["alpha"], "identity+u3\t4.0", "identity+u3\t-9.0")
    changed = evaluate(scores, protocols).eer
    assert (changed.loc["alpha"] > evaluation.eer.loc["alpha"]).all()
    assert changed.loc["beta"].equals(evaluation.eer.loc["beta"])


def test_scores_of_other_trials_change_nothing(scores, protocols):
    expected = evaluate(scores, protocols).eer
    scores["alpha"].write_text(scores["alpha"].read_text() + "identity+t0\t-50\nalpha+d0\t50\ngamma+u0\t50\n")
    assert evaluate(scores, protocols).eer.equals(expected)


def test_a_row_for_every_detector_even_if_no_codec_is_called_so(scores, protocols):
    eer = evaluate({**scores, "pooled": scores["beta"]}, protocols).eer
    assert eer.index.tolist() == ["alpha", "beta", "pooled"]
    assert eer.loc["pooled"].tolist() == eer.loc["beta"].tolist()


@pytest.mark.parametrize("name", ["identity+u2", "beta+u1"])
def test_a_trial_without_a_score_is_named(scores, protocols, name):
    replace(scores["beta"], f"{name}\t", f"x{name}\t")
    with pytest.raises(DataError, match=rf"beta\.scores\.tsv: no score for trial '{re.escape(name)}' \(1 missing\)"):
        evaluate(scores, protocols)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nan", r"alpha\.scores\.tsv: column 'cm-score': .*nan.* \(row \d: 'identity\+u1'"),
        ("", r"alpha\.scores\.tsv: column 'cm-score': .*'identity\+u1'"),
        ("high", r"alpha\.scores\.tsv: column 'cm-score': 'high' .*'identity\+u1'"),
        ("inf", "a bonafide score is inf; only finite scores"),
    ],
)
def test_a_score_that_is_no_number_is_refused(scores, protocols, value, message):
    replace(scores["alpha"], "identity+u1\t2.0", f"identity+u1\t{value}")
    with pytest.raises(DataError, match=message):
        evaluate(scores, protocols)


def test_a_trial_with_two_scores_is_refused(scores, protocols):
    replace(scores["alpha"], "identity+u1\t", "identity+u0\t")
    with pytest.raises(DataError, match=r"column 'filename': 'identity\+u0' breaks field_uniqueness"):
        evaluate(scores, protocols)


@pytest.mark.parametrize("kind", ["scores", "protocols"])
def test_a_missing_table_is_named(scores, protocols, kind):
    table = {"scores": scores, "protocols": protocols}[kind]
    table["alpha"].unlink()
    with pytest.raises(DataError, match=rf"alpha\.{kind.removesuffix('s')}s?\.tsv: cannot be read"):
        evaluate(scores, protocols)


def test_the_matrix_is_written_in_percent_for_people(scores, protocols, tmp_path):
    write_matrix(evaluate(scores, protocols), tmp_path / "matrix.tsv", tmp_path / "matrix.json")
    assert (tmp_path / "matrix.tsv").read_text() == (
        "train_codec\talpha\tbeta\n" "alpha\t0.0\t50.0\n" "beta\t25.0\t100.0\n"
    )  # fmt: skip


def test_the_matrix_is_written_as_fractions_with_trial_counts_for_programs(scores, protocols, tmp_path):
    write_matrix(evaluate(scores, protocols), tmp_path / "matrix.tsv", tmp_path / "matrix.json")
    cells = json.loads((tmp_path / "matrix.json").read_text())
    trials = {"bonafide_trials": 4, "spoof_trials": 4}
    assert cells == {
        "alpha": {"alpha": {"eer": 0.0, **trials}, "beta": {"eer": 0.5, **trials}},
        "beta": {"alpha": {"eer": 0.25, **trials}, "beta": {"eer": 1.0, **trials}},
    }
