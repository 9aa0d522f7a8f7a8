"""Which recordings a run takes, and which split a speaker is in. Choices are by a hash of the id.

So they neither follow the alphabet nor change with the order, and what is added moves little of what is there.
"""

from collections import defaultdict
from collections.abc import Iterable

from codecfake.corpora import LeftOut, Recording, Speaker
from codecfake.util.constants import SPLITS
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number


def assign_splits(speakers: dict[str, Speaker], known: Iterable[str], config: dict) -> dict[str, str]:
    """Which split each speaker is in, by the config's `splits` or `folds`.

    Args:
        speakers: those of whom there are utterances.
        known: those that the corpus knows; of whom it has nothing, a split may name but not have.
    """
    if "folds" in config:
        return split_by_fold(speakers, **config["folds"])
    absent = set(known) - speakers.keys()
    splits = {split: [one for one in named if one not in absent] for split, named in config["splits"].items()}
    return split_of_speakers(speakers, splits)


def split_of_speakers(speakers: Iterable[str], splits: dict[str, list[str]]) -> dict[str, str]:
    """Which split each speaker is in. A split left out takes all speakers no other split names.

    Raises:
        DataError: a speaker is in two splits, in none, or unknown; or a split has no speaker.
    """
    speakers = sorted(set(speakers))
    split_of: dict[str, str] = {}
    for split in SPLITS:
        for speaker in splits.get(split, []):
            if speaker in split_of:
                raise DataError(
                    f"splits: speaker {speaker!r} is in both {split_of[speaker]!r} and {split!r}; "
                    "a speaker may be in one split only"
                )
            if speaker not in speakers:
                raise DataError(f"splits.{split}: unknown speaker {speaker!r}; allowed: {', '.join(speakers)}")
            split_of[speaker] = split
    rest = [split for split in SPLITS if split not in splits]
    unnamed = [speaker for speaker in speakers if speaker not in split_of]
    if unnamed and len(rest) != 1:
        raise DataError(
            f"splits: speaker {unnamed[0]!r} is in no split; name it, or leave out exactly one of "
            f"{', '.join(SPLITS)} to take all the others"
        )
    split_of |= dict.fromkeys(unnamed, rest[0] if rest else "")
    for split in SPLITS:
        if split not in split_of.values():
            raise DataError(f"splits: {split!r} has no speaker; each of {', '.join(SPLITS)} needs one")
    return split_of


def split_by_fold(speakers: dict[str, Speaker], count: int, eval: int) -> dict[str, str]:
    """Leave speakers out: fold `eval` is evaluated on, the next one is dev, the others are train.

    Speakers are dealt to `count` folds in turn, by gender and then by hash, so that folds are equally large and
    have the same share of each gender.

    Raises:
        DataError: there are fewer speakers than folds.
    """
    if len(speakers) < count:
        raise DataError(f"folds: {count} folds of {len(speakers)} speakers; at most one fold a speaker")
    in_order = sorted(speakers, key=lambda speaker: (speakers[speaker].gender, stable_number(speaker)))
    split_of_fold = {eval: "eval", (eval + 1) % count: "dev"}
    return {speaker: split_of_fold.get(place % count, "train") for place, speaker in enumerate(in_order)}


def speakers_of(recordings: list[Recording], known: dict[str, Speaker]) -> dict[str, Speaker]:
    """The speakers of recordings, with what is known of them."""
    return {recording.speaker_id: known.get(recording.speaker_id, Speaker()) for recording in recordings}


def choose(recordings: list[Recording], known: dict[str, Speaker], config: dict) -> list[Recording]:
    """The recordings that the config's `speakers` and `utterances_per_speaker` ask for, sorted by id."""
    there = {recording.speaker_id for recording in recordings}
    taken = choose_speakers(there, known, config.get("speakers"), config.get("splits", {}))
    recordings = [recording for recording in recordings if recording.speaker_id in taken]
    number = config.get("utterances_per_speaker")
    if isinstance(number, dict):
        split_of = assign_splits(speakers_of(recordings, known), known, config)
        return subset(recordings, {speaker: number.get(split) for speaker, split in split_of.items()})
    return subset(recordings, dict.fromkeys(taken, number))


def relevant(gaps: list[LeftOut], chosen: list[Recording], config: dict) -> list[LeftOut]:
    """The gaps of a corpus among the speakers that a run takes or lists; all, if it takes all there are."""
    wanted = config.get("speakers")
    taken = {recording.speaker_id for recording in chosen} | set(wanted if isinstance(wanted, list) else ())
    return [gap for gap in gaps if wanted is None or gap.speaker_id in taken]


def choose_speakers(
    there: set[str], known: Iterable[str], wanted: list[str] | int | None, splits: dict[str, list[str]]
) -> set[str]:
    """Which speakers to take: those listed; so many, first those that `splits` names; or all.

    Args:
        there: speakers of whom there are recordings.
        known: speakers that the corpus knows, maybe without recordings.

    Raises:
        DataError: a speaker is not there, or there are not so many.
    """
    if wanted is None:
        return there
    if isinstance(wanted, list):
        for speaker in wanted:
            if speaker not in there | set(known):
                raise DataError(f"speakers: unknown speaker {speaker!r}; allowed: {', '.join(sorted(there))}")
        return there & set(wanted)
    named = {speaker for members in splits.values() for speaker in members} & there
    if not len(named) <= wanted <= len(there):
        raise DataError(f"speakers: {wanted}; the splits name {len(named)}, and the corpus has {len(there)}")
    return set(sorted(there, key=lambda speaker: (speaker not in named, stable_number(speaker)))[:wanted])


def subset(recordings: list[Recording], per_speaker: dict[str, int | None]) -> list[Recording]:
    """At most so many recordings of each speaker (all, where the number is None), sorted by id."""
    by_speaker: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        by_speaker[recording.speaker_id].append(recording)
    chosen = []
    for speaker, members in by_speaker.items():
        members.sort(key=lambda recording: stable_number(recording.utterance_id))
        chosen += members[: per_speaker[speaker]]
    return sorted(chosen, key=lambda recording: recording.utterance_id)
