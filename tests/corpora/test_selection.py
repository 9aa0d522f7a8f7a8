"""Selection of speakers and utterances: splits by speaker, folds, stable subsets."""

import random
from collections import Counter

import pytest

from codecfake.corpora import LeftOut, Recording, Speaker, selection
from codecfake.util.errors import DataError

SPEAKERS = ["a", "b", "c", "d"]


def recordings(speakers, each):
    return [Recording(f"{speaker}_{number:03}", speaker, "x.wav") for speaker in speakers for number in range(each)]


def test_omitted_split_takes_the_remaining_speakers():
    split_of = selection.split_of_speakers(["d", "b", "a", "c", "a"], {"dev": ["b"], "eval": ["d"]})
    assert split_of == {"a": "train", "b": "dev", "c": "train", "d": "eval"}


def test_splits_may_name_every_speaker():
    split_of = selection.split_of_speakers(SPEAKERS, {"train": ["a", "b"], "dev": ["c"], "eval": ["d"]})
    assert split_of == {"a": "train", "b": "train", "c": "dev", "d": "eval"}


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"dev": ["a"], "eval": ["b", "a"]}, "speaker 'a' is in both 'dev' and 'eval'"),
        ({"dev": ["a"], "eval": ["z"]}, "splits.eval: unknown speaker 'z'; allowed: a, b, c, d"),
        ({"train": ["a"], "dev": ["b"], "eval": ["d"]}, "speaker 'c' is in no split"),
        ({"eval": ["d"]}, "speaker 'a' is in no split; name it, or leave out exactly one of train, dev, eval"),
        ({"dev": ["a", "b"], "eval": ["c", "d"]}, "'train' has no speaker; each of train, dev, eval needs one"),
        ({"train": SPEAKERS, "dev": [], "eval": []}, "'dev' has no speaker"),
    ],
)
def test_invalid_splits_are_refused_with_the_speaker(splits, message):
    with pytest.raises(DataError) as error:
        selection.split_of_speakers(SPEAKERS, splits)
    assert message in str(error.value)


def test_subset_does_not_depend_on_the_order():
    everything = recordings("ab", 50)
    chosen = selection.subset(everything, {"a": 10, "b": None})
    shuffled = random.Random(0).sample(everything, len(everything))
    assert selection.subset(shuffled, {"a": 10, "b": None}) == chosen
    assert [r.speaker_id for r in chosen] == ["a"] * 10 + ["b"] * 50
    assert chosen[:10] != everything[:10]


def test_added_recordings_do_not_change_the_choice_of_other_speakers():
    everything, more = recordings("ab", 50), recordings("a", 50) + recordings("b", 60)
    before, after = (selection.subset(members, dict.fromkeys("ab", 10)) for members in (everything, more))
    assert [r for r in after if r.speaker_id == "a"] == [r for r in before if r.speaker_id == "a"]
    # b's earlier choices stay unless a new recording displaces them
    assert {r.utterance_id for r in after} - {r.utterance_id for r in before} <= {f"b_{n:03}" for n in range(50, 60)}


SPLITS = {"dev": ["a"], "eval": ["f"]}


def numbers(config, known=None):
    """Return how many of ten recordings are chosen, for each speaker."""
    return dict(Counter(r.speaker_id for r in selection.choose(recordings("abcdef", 10), known or {}, config)))


def test_all_recordings_are_chosen_by_default():
    assert numbers({"splits": SPLITS}) == dict.fromkeys("abcdef", 10)


def test_utterances_per_speaker_is_one_number_or_one_per_split():
    assert numbers({"splits": SPLITS, "utterances_per_speaker": 3}) == dict.fromkeys("abcdef", 3)
    by_split = {"splits": SPLITS, "utterances_per_speaker": {"train": 2, "dev": 5}}
    assert numbers(by_split) == {"a": 5, "b": 2, "c": 2, "d": 2, "e": 2, "f": 10}


def test_listed_speakers_are_chosen():
    assert numbers({"splits": SPLITS, "speakers": ["a", "c", "f"]}) == dict.fromkeys("acf", 10)
    with pytest.raises(DataError, match="speakers: unknown speaker 'z'; allowed: a, b, c, d, e, f"):
        numbers({"speakers": ["a", "z"]})


def test_number_of_speakers_includes_those_named_in_splits():
    chosen = numbers({"splits": SPLITS, "speakers": 4})
    assert {"a", "f"} <= set(chosen)
    assert len(chosen) == 4
    assert set(numbers({"splits": SPLITS, "speakers": 3})) < set(chosen)
    for wrong in (1, 7):
        with pytest.raises(DataError, match=f"speakers: {wrong}; allowed: at least 2, .* and at most 6, "):
            numbers({"splits": SPLITS, "speakers": wrong})


WOMEN_AND_MEN = {f"p{number}": Speaker(gender="F" if number % 3 else "M") for number in range(30)}


def test_every_speaker_is_in_eval_of_one_fold():
    folds = [selection.split_by_fold(WOMEN_AND_MEN, 5, number) for number in range(5)]
    for number, split_of in enumerate(folds):
        assert Counter(split_of.values()) == {"train": 18, "dev": 6, "eval": 6}
        dev = {speaker for speaker, split in split_of.items() if split == "dev"}
        assert dev == {speaker for speaker, split in folds[(number + 1) % 5].items() if split == "eval"}
    evaluated = [speaker for split_of in folds for speaker, split in split_of.items() if split == "eval"]
    assert sorted(evaluated) == sorted(WOMEN_AND_MEN)


def test_folds_balance_gender_and_do_not_depend_on_order():
    split_of = selection.assign_splits(WOMEN_AND_MEN, [], {"folds": {"count": 5, "eval": 2}})
    genders = Counter(WOMEN_AND_MEN[speaker].gender for speaker, split in split_of.items() if split == "eval")
    assert genders == {"F": 4, "M": 2}
    backwards = dict(reversed(WOMEN_AND_MEN.items()))
    assert selection.assign_splits(backwards, [], {"folds": {"count": 5, "eval": 2}}) == split_of


def test_more_folds_than_speakers_are_refused():
    with pytest.raises(DataError, match="folds: 31 folds of 30 speakers"):
        selection.split_by_fold(WOMEN_AND_MEN, 31, 0)


def test_gaps_are_reported_only_for_chosen_speakers():
    gaps = [LeftOut("a_999", "a", "lost"), LeftOut("z_1", "z", "lost")]
    assert selection.relevant(gaps, recordings("ab", 1), {}) == gaps
    assert selection.relevant(gaps, recordings("ab", 1), {"speakers": ["a", "b"]}) == gaps[:1]


def test_speaker_without_recordings_may_be_named():
    known = {speaker: Speaker() for speaker in "abcdefz"}
    config = {"splits": {"dev": ["a"], "eval": ["f", "z"]}, "speakers": ["a", "b", "f", "z"]}
    assert numbers(config, known) == dict.fromkeys("abf", 10)
    assert selection.assign_splits({speaker: Speaker() for speaker in "abf"}, known, config) == {
        "a": "dev",
        "b": "train",
        "f": "eval",
    }
    assert numbers({"splits": config["splits"], "speakers": 3}, known).keys() >= {"a", "f"}
    gap = LeftOut("z_1", "z", "lost")
    assert selection.relevant([gap], recordings("abf", 1), config) == [gap]
    with pytest.raises(DataError, match="'eval' has no speaker"):
        selection.assign_splits(
            {speaker: Speaker() for speaker in "ab"}, known, {"splits": {"dev": ["a"], "eval": ["z"]}}
        )
