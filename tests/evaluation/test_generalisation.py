"""The summary of the EER matrix: four means, and the sentence."""

import pandas as pd
import pytest

from codecfake.evaluation.generalisation import Generalisation, sentence, summarise

RUN = {
    "codecs": ["a1", "a2", "b"],
    "codec_entries": {"a1": {"family": "a"}, "a2": {"family": "a"}, "b": {"family": "b"}},
}
#: EER of each row on a1, a2, b and one more column.
EER = {
    "a1": [0.01, 0.10, 0.40, 0.9],
    "a2": [0.20, 0.02, 0.50, 0.9],
    "b": [0.30, 0.30, 0.03, 0.9],
    "pooled": [0.04, 0.05, 0.06, 0.9],
    "without-a": [0.21, 0.22, 0.90, 0.9],
    "without-b": [0.90, 0.90, 0.23, 0.9],
    "random": [0.5, 0.5, 0.5, 0.5],
}


def matrix(rows: list[str]) -> pd.DataFrame:
    return pd.DataFrame([EER[row] for row in rows], rows, [*RUN["codecs"], "pooled"])


def test_summary_has_the_means_of_the_cells():
    assert summarise(matrix(list(EER)), RUN) == pytest.approx((0.02, 0.3, 0.05, 0.22))


def test_summary_is_empty_where_the_run_has_no_such_detector():
    found = summarise(matrix(["pooled", "random"]), RUN)
    assert found == pytest.approx((float("nan"), float("nan"), 0.05, float("nan")), nan_ok=True)
    assert sentence(found) == "Mean EER on a codec: 5.0 % of the detector trained on all codecs."
    assert sentence(summarise(matrix(["random"]), RUN)) == ""


def test_sentence_names_the_four_means():
    assert sentence(Generalisation(0.021, 0.3, 0.0349, 0.1)) == (
        "Mean EER on a codec: 2.1 % of detectors trained on it, 30.0 % of detectors trained on another codec, "
        "3.5 % of the detector trained on all codecs, 10.0 % of detectors trained on all codec families but its own."
    )
