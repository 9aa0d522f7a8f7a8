"""Tables: strict columns, rows named in errors, ids read as text."""

import pandas as pd
import pytest

from codecfake.corpora import Utterance
from codecfake.corpora.tables import Utterances, utterance_table
from codecfake.data import tables
from codecfake.evaluation.tables import Scores
from codecfake.util.errors import DataError
from run_tables import make_utterances


@pytest.fixture
def table():
    return utterance_table(make_utterances(12), shards=2)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("num_samples", 0, r"my table: column 'num_samples': .*0.* breaks greater_than\(0\) \(row 3: 'u003', '007'\)"),
        ("sample_rate", -1, r"my table: column 'sample_rate': .*-1.* breaks greater_than\(0\) \(row 3: "),
        ("shard", -1, r"my table: column 'shard': .*-1.* breaks greater_than_or_equal_to\(0\) \(row 3: "),
        ("speaker_id", None, r"my table: column 'speaker_id': .* breaks not_nullable \(row 3: 'u003', "),
    ],
)
def test_invalid_value_is_refused_with_its_row(table, column, value, message):
    table.loc[3, column] = value
    with pytest.raises(DataError, match=message):
        tables.check(table, Utterances, "my table")


def test_row_number_in_errors_ignores_the_index(table):
    table.loc[8, "shard"] = -1
    with pytest.raises(DataError, match=r"\(row 2: 'u008', 's3'\)"):
        tables.check(table.iloc[6:], Utterances, "part")


def test_duplicate_id_is_refused(table):
    with pytest.raises(DataError, match="column 'utterance_id': 'u000' breaks field_uniqueness"):
        tables.check(table.assign(utterance_id="u000"), Utterances, "my table")


def test_a_missing_column_is_refused_by_name(table):
    with pytest.raises(DataError, match=r"my table: .*'shard' breaks column_in_dataframe"):
        tables.check(table.drop(columns="shard"), Utterances, "my table")


def test_an_unknown_column_is_refused_by_name(table):
    with pytest.raises(DataError, match=r"my table: .*'age' breaks column_in_schema"):
        tables.check(table.assign(age=30), Utterances, "my table")


def test_table_round_trips(table, tmp_path):
    tables.write(table, Utterances, tmp_path / "utterances.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "utterances.tsv", Utterances), table)


@pytest.mark.parametrize("name", ["000360013", "NA", "nan", "None", "1e5", "inf", "True", "-", "é", 'a"b'])
def test_ids_are_read_as_text(tmp_path, name):
    table = utterance_table([Utterance(name, name, "a", 16000, 9, name)], 1)
    tables.write(table, Utterances, tmp_path / "u.tsv")
    row = tables.read(tmp_path / "u.tsv", Utterances).iloc[0]
    assert (row["utterance_id"], row["speaker_id"], row["text"]) == (name, name, name)
    scores = pd.DataFrame({"filename": [name], "cm-score": [0.5]})
    tables.write(scores, Scores, tmp_path / "s.tsv")
    assert tables.read(tmp_path / "s.tsv", Scores)["filename"].tolist() == [name]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"filename\tcm-score\na\t1\nb\t2\t3\n"])
def test_invalid_table_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "scores.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"scores\.tsv: cannot be read as a table"):
        tables.read(path, Scores)
