"""Tables of a corpus: stable shards, splits, speakers."""

import pandas as pd
import pytest

from codecfake.corpora import LeftOut, Speaker, Utterance
from codecfake.corpora.tables import (
    LeftOutUtterances,
    Speakers,
    left_out_table,
    speaker_table,
    speakers_with_utterances,
    split_table,
    utterance_table,
    utterances_of_shard,
)
from codecfake.data import tables
from codecfake.util.errors import DataError
from run_tables import SPLIT_OF, make_utterances


@pytest.fixture
def table():
    return utterance_table(make_utterances(12), shards=2)


def test_added_utterances_do_not_change_the_shards_of_others():
    few, many = (utterance_table(make_utterances(count), 4) for count in (40, 200))
    assert set(many["shard"]) == {0, 1, 2, 3}
    pd.testing.assert_frame_equal(many.iloc[:40], few)


def test_every_utterance_is_in_one_shard_sorted_by_id(table):
    members = [utterances_of_shard(table.iloc[::-1], shard) for shard in range(2)]
    for part in members:
        assert [u.utterance_id for u in part] == sorted(u.utterance_id for u in part)
    assert sorted([*members[0], *members[1]], key=lambda u: u.utterance_id) == make_utterances(12)


def test_unknown_split_is_refused():
    with pytest.raises(DataError, match=r"splits: column 'split': 'test' breaks isin.*train.*dev.*eval.*\(row 1: 's2'"):
        split_table({**SPLIT_OF, "s2": "test"})


def test_too_few_shards_are_refused_with_the_number_needed():
    hour = [Utterance(f"u{n}", "s", "a", 48000, 48000 * 3600) for n in range(8)]
    with pytest.raises(DataError, match=r"shards: 2 would hold up to \d\.0 h of audio each, .*; at least [3-6] needed"):
        utterance_table(hour, 2)
    assert len(utterance_table(hour[:2], 1)) == 2


def test_empty_table_round_trips(tmp_path):
    tables.write(left_out_table([]), LeftOutUtterances, tmp_path / "left_out.tsv")
    assert tables.read(tmp_path / "left_out.tsv", LeftOutUtterances).empty


def test_speaker_table_has_counts_and_attributes(tmp_path):
    utterances = [Utterance("a_1", "a", "x", 16000, 9, "text"), Utterance("a_2", "a", "y", 16000, 9)]
    left_out = [LeftOut("a_3", "a", "cut short"), LeftOut("b_1", "b", "cut short")]
    table = speaker_table(utterances, left_out, {"a": Speaker("23", "F"), "c": Speaker("9", "M")})
    tables.write(table, Speakers, tmp_path / "speakers.tsv")
    read = tables.read(tmp_path / "speakers.tsv", Speakers)
    assert read.iloc[:, :6].to_numpy().tolist() == [["a", 2, 1, 1, "23", "F"], ["b", 0, 1, 0, "", ""]]
    assert speakers_with_utterances(read) == {"a": Speaker("23", "F")}
