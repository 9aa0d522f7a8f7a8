"""The tables between stages: stable shards, strict columns, protocols that match the run, ids read as text."""

import re

import pandas as pd
import pytest

from codecfake.corpora import LeftOut, Speaker, Utterance
from codecfake.corpora.tables import (
    LeftOutUtterances,
    Speakers,
    Utterances,
    left_out_table,
    speaker_table,
    speakers_with_utterances,
    split_table,
    utterance_table,
    utterances_of_shard,
)
from codecfake.data import tables
from codecfake.data.shards import Shard, shard_row, write_shard
from codecfake.evaluation.tables import Scores
from codecfake.trials.protocol import Protocol, build_protocol
from codecfake.util.errors import DataError

SPLIT_OF = {"007": "train", "s2": "dev", "s3": "eval"}


def make_utterances(count):
    speakers = sorted(SPLIT_OF)
    return [Utterance(f"u{n:03}", speakers[n % 3], f"{n}.wav", 16000, 1600 + n, "a b") for n in range(count)]


@pytest.fixture
def table():
    return utterance_table(make_utterances(12), shards=2)


@pytest.fixture
def splits():
    return split_table(SPLIT_OF)


@pytest.fixture
def write_shards(tmp_path, speech):
    """write_shards(table): write the shards of a codec with the table's utterances."""

    def write(table):
        paths = []
        for number in range(2):
            names = {"label": "spoof", "codec_name": "dac_mini"}
            members = utterances_of_shard(table, number)
            rows = [
                shard_row(speech(0.1), 16000, speaker_id=u.speaker_id, utterance_id=u.utterance_id, **names)
                for u in members
            ]
            paths.append(tmp_path / f"{number:04}.parquet")
            write_shard(paths[-1], rows)
        return paths

    return write


def test_adding_utterances_moves_none_to_another_shard():
    few, many = (utterance_table(make_utterances(count), 4) for count in (40, 200))
    assert set(many["shard"]) == {0, 1, 2, 3}
    pd.testing.assert_frame_equal(many.iloc[:40], few)


def test_the_shards_hold_every_utterance_once_in_order_of_id(table):
    members = [utterances_of_shard(table.iloc[::-1], shard) for shard in range(2)]
    for part in members:
        assert [u.utterance_id for u in part] == sorted(u.utterance_id for u in part)
    assert sorted([*members[0], *members[1]], key=lambda u: u.utterance_id) == make_utterances(12)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("num_samples", 0, r"my table: column 'num_samples': .*0.* breaks greater_than\(0\) \(row 3: 'u003', '007'\)"),
        ("sample_rate", -1, r"my table: column 'sample_rate': .*-1.* breaks greater_than\(0\) \(row 3: "),
        ("shard", -1, r"my table: column 'shard': .*-1.* breaks greater_than_or_equal_to\(0\) \(row 3: "),
        ("speaker_id", None, r"my table: column 'speaker_id': .* breaks not_nullable \(row 3: 'u003', "),
    ],
)
def test_a_wrong_value_is_refused_with_its_row(table, column, value, message):
    table.loc[3, column] = value
    with pytest.raises(DataError, match=message):
        tables.check(table, Utterances, "my table")


def test_the_row_is_counted_from_the_top_whatever_the_index(table):
    table.loc[8, "shard"] = -1
    with pytest.raises(DataError, match=r"\(row 2: 'u008', 's3'\)"):
        tables.check(table.iloc[6:], Utterances, "part")


def test_an_id_given_twice_is_refused(table):
    with pytest.raises(DataError, match="column 'utterance_id': 'u000' breaks field_uniqueness"):
        tables.check(table.assign(utterance_id="u000"), Utterances, "my table")


def test_a_missing_column_is_refused_by_name(table):
    with pytest.raises(DataError, match=r"my table: .*'shard' breaks column_in_dataframe"):
        tables.check(table.drop(columns="shard"), Utterances, "my table")


def test_an_unknown_column_is_refused_by_name(table):
    with pytest.raises(DataError, match=r"my table: .*'age' breaks column_in_schema"):
        tables.check(table.assign(age=30), Utterances, "my table")


def test_a_table_is_read_as_it_was_written(table, tmp_path):
    tables.write(table, Utterances, tmp_path / "utterances.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "utterances.tsv", Utterances), table)


@pytest.mark.parametrize("name", ["000360013", "NA", "nan", "None", "1e5", "inf", "True", "-", "é", 'a"b'])
def test_ids_stay_the_text_they_are(tmp_path, name):
    table = utterance_table([Utterance(name, name, "a", 16000, 9, name)], 1)
    tables.write(table, Utterances, tmp_path / "u.tsv")
    row = tables.read(tmp_path / "u.tsv", Utterances).iloc[0]
    assert (row["utterance_id"], row["speaker_id"], row["text"]) == (name, name, name)
    scores = pd.DataFrame({"filename": [name], "cm-score": [0.5]})
    tables.write(scores, Scores, tmp_path / "s.tsv")
    assert tables.read(tmp_path / "s.tsv", Scores)["filename"].tolist() == [name]


def test_scores_have_the_columns_of_the_asvspoof_5_package(tmp_path):
    scores = pd.DataFrame({"filename": ["dac_mini+u1", "dac_mini+u2"], "cm-score": [1.25, -3.0]})
    tables.write(scores, Scores, tmp_path / "scores.tsv")
    assert (tmp_path / "scores.tsv").read_text() == "filename\tcm-score\ndac_mini+u1\t1.25\ndac_mini+u2\t-3.0\n"


@pytest.mark.parametrize("text", ["", "x", "nan"])
def test_a_score_that_is_no_number_is_refused(tmp_path, text):
    (tmp_path / "scores.tsv").write_text(f"filename\tcm-score\ndac_mini+u1\t1\ndac_mini+u2\t{text}\n")
    with pytest.raises(DataError, match=r"scores\.tsv: column 'cm-score': .*\(row 1: 'dac_mini\+u2'"):
        tables.read(tmp_path / "scores.tsv", Scores)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"filename\tcm-score\na\t1\nb\t2\t3\n"])
def test_what_is_no_table_is_refused_by_name(tmp_path, content):
    path = tmp_path / "scores.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"scores\.tsv: cannot be read as a table"):
        tables.read(path, Scores)


def test_a_protocol_points_at_the_row_of_every_trial(table, splits, write_shards, tmp_path):
    shards = write_shards(table)
    protocol = build_protocol(shards, table, splits)
    assert sorted(protocol["utterance_id"]) == table["utterance_id"].tolist()
    for trial in protocol.itertuples():
        row = Shard(shards[trial.shard])[trial.row]
        assert (row["utterance_id"], row["speaker_id"]) == (trial.utterance_id, trial.speaker_id)
        assert (trial.codec, trial.label, trial.split) == ("dac_mini", "spoof", SPLIT_OF[trial.speaker_id])
    tables.write(protocol, Protocol, tmp_path / "protocol.tsv")
    pd.testing.assert_frame_equal(tables.read(tmp_path / "protocol.tsv", Protocol), protocol)


def test_an_utterance_missing_from_the_shards_is_named(table, splits, write_shards):
    shards = write_shards(table.iloc[2:])
    with pytest.raises(DataError, match=re.escape(f"{shards[0].parent}: utterance 'u000' is in no shard (2 missing)")):
        build_protocol(shards, table, splits)


def test_an_utterance_the_run_does_not_have_is_named_with_its_shard(table, splits, write_shards):
    shards = write_shards(table)
    strange = table.loc[5]
    with pytest.raises(DataError, match=rf"000{strange['shard']}\.parquet: utterance 'u005' is not one of the run's"):
        build_protocol(shards, table.drop(index=5), splits)


def test_a_trial_that_lies_in_two_shards_is_refused(table, splits, write_shards, tmp_path):
    shards = write_shards(table)
    protocol = build_protocol([shards[0], *shards], table, splits)
    with pytest.raises(DataError, match=r"column 'utterance_id': 'u000' breaks multiple_fields_uniqueness"):
        tables.write(protocol, Protocol, tmp_path / "protocol.tsv")


def test_a_split_that_is_none_is_refused():
    with pytest.raises(DataError, match=r"splits: column 'split': 'test' breaks isin.*train.*dev.*eval.*\(row 1: 's2'"):
        split_table({**SPLIT_OF, "s2": "test"})


def test_a_shard_of_more_than_a_gigabyte_is_refused_with_how_many_are_needed():
    hour = [Utterance(f"u{n}", "s", "a", 48000, 48000 * 3600) for n in range(8)]
    with pytest.raises(DataError, match=r"shards: 2 would hold up to \d\.0 h of audio each, .*; at least [3-6] needed"):
        utterance_table(hour, 2)
    assert len(utterance_table(hour[:2], 1)) == 2


def test_an_empty_table_is_read_as_it_was_written(tmp_path):
    tables.write(left_out_table([]), LeftOutUtterances, tmp_path / "left_out.tsv")
    assert tables.read(tmp_path / "left_out.tsv", LeftOutUtterances).empty


def test_speakers_are_counted_with_what_is_known_of_them(tmp_path):
    utterances = [Utterance("a_1", "a", "x", 16000, 9, "text"), Utterance("a_2", "a", "y", 16000, 9)]
    left_out = [LeftOut("a_3", "a", "cut short"), LeftOut("b_1", "b", "cut short")]
    table = speaker_table(utterances, left_out, {"a": Speaker("23", "F"), "c": Speaker("9", "M")})
    tables.write(table, Speakers, tmp_path / "speakers.tsv")
    read = tables.read(tmp_path / "speakers.tsv", Speakers)
    assert read.iloc[:, :6].to_numpy().tolist() == [["a", 2, 1, 1, "23", "F"], ["b", 0, 1, 0, "", ""]]
    assert speakers_with_utterances(read) == {"a": Speaker("23", "F")}
