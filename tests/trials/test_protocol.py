"""Protocols: every trial at its row, and the same utterances as the run's."""

import re

import pandas as pd
import pytest

from codecfake.corpora.tables import split_table, utterance_table, utterances_of_shard
from codecfake.data import tables
from codecfake.data.shards import Shard, shard_row, write_shard
from codecfake.trials.protocol import Protocol, build_protocol
from codecfake.util.errors import DataError
from run_tables import SPLIT_OF, make_utterances


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


def test_protocol_refers_to_the_row_of_every_trial(table, splits, write_shards, tmp_path):
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


def test_utterance_that_is_not_in_the_run_is_named_with_its_shard(table, splits, write_shards):
    shards = write_shards(table)
    strange = table.loc[5]
    with pytest.raises(DataError, match=rf"000{strange['shard']}\.parquet: utterance 'u005' is not one of the run's"):
        build_protocol(shards, table.drop(index=5), splits)


def test_trial_in_two_shards_is_refused(table, splits, write_shards, tmp_path):
    shards = write_shards(table)
    protocol = build_protocol([shards[0], *shards], table, splits)
    with pytest.raises(DataError, match=r"column 'utterance_id': 'u000' breaks multiple_fields_uniqueness"):
        tables.write(protocol, Protocol, tmp_path / "protocol.tsv")
