"""Score files: the columns of the ASVspoof 5 package, scores that are numbers."""

import pandas as pd
import pytest

from codecfake.data import tables
from codecfake.evaluation.tables import Scores
from codecfake.util.errors import DataError


def test_score_file_has_the_columns_of_the_asvspoof_5_package(tmp_path):
    scores = pd.DataFrame({"filename": ["dac_mini+u1", "dac_mini+u2"], "cm-score": [1.25, -3.0]})
    tables.write(scores, Scores, tmp_path / "scores.tsv")
    assert (tmp_path / "scores.tsv").read_text() == "filename\tcm-score\ndac_mini+u1\t1.25\ndac_mini+u2\t-3.0\n"


@pytest.mark.parametrize("text", ["", "x", "nan"])
def test_invalid_score_is_refused(tmp_path, text):
    (tmp_path / "scores.tsv").write_text(f"filename\tcm-score\ndac_mini+u1\t1\ndac_mini+u2\t{text}\n")
    with pytest.raises(DataError, match=r"scores\.tsv: column 'cm-score': .*\(row 1: 'dac_mini\+u2'"):
        tables.read(tmp_path / "scores.tsv", Scores)
