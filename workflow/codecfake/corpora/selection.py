"""Selection of a run's recordings, and assignment of speakers to splits.

Selection is by a hash of the id: it depends neither on alphabetical order nor on the order of the input, and additions
to a corpus change little of it.
"""

from collections import defaultdict
from collections.abc import Iterable

from codecfake.corpora import LeftOut, Recording, Speaker
from codecfake.util.choices import allowed
from codecfake.util.constants import SPLITS
from codecfake.util.errors import DataError
from codecfake.util.hashing import stable_number


def assign_splits(speakers: dict[str, Speaker], known: Iterable[str], config: dict) -> dict[str, str]:
    """Return the split of each speaker, by the config's `splits` or `folds`.

    Args:
        speakers: the speakers who have utterances.
        known: all speakers that the corpus lists; those without utterances may be named in a split and are dropped.
    """
    if "folds" in config:
        return split_by_fold(speakers, **config["folds"])
    absent = set(known) - speakers.keys()
    splits = {split: [one for one in named if one not in absent] for split, named in config["splits"].items()}
    return split_of_speakers(speakers, splits)


def split_of_speakers(speakers: Iterable[str], splits: dict[str, list[str]]) -> dict[str, str]:
    """Return the split of each speaker. A split that is left out takes all speakers that no other split names.

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
                raise DataError(f"splits.{split}: unknown speaker {speaker!r}; {allowed(speaker, speakers)}")
            split_of[speaker] = split
    rest = [split for split in SPLITS if split not in splits]
    unnamed = [speaker for speaker in speakers if speaker not in split_of]
    if unnamed and len(rest) != 1:
        raise DataError(
            f"splits: speaker {unnamed[0]!r} is in no split; name it, or leave out exactly one of "
            f"{', '.join(SPLITS)} to take all other speakers"
        )
    split_of |= dict.fromkeys(unnamed, rest[0] if rest else "")
    for split in SPLITS:
        if split not in split_of.values():
            raise DataError(f"splits: {split!r} has no speaker; each of {', '.join(SPLITS)} needs one")
    return split_of


def split_by_fold(speakers: dict[str, Speaker], count: int, eval: int) -> dict[str, str]:
    """Return the split of each speaker: fold `eval` is eval, the next fold is dev, the others are train.

    Speakers are sorted by gender, then by hash, and assigned to `count` folds in turn, so that folds have equal size
    and equal shares of each gender.

    Raises:
        DataError: there are fewer speakers than folds.
    """
    if len(speakers) < count:
        raise DataError(f"folds: {count} folds of {len(speakers)} speakers; allowed: at most one fold per speaker")
    in_order = sorted(speakers, key=lambda speaker: (speakers[speaker].gender, stable_number(speaker)))
    split_of_fold = {eval: "eval", (eval + 1) % count: "dev"}
    return {speaker: split_of_fold.get(place % count, "train") for place, speaker in enumerate(in_order)}


def speakers_of(recordings: list[Recording], known: dict[str, Speaker]) -> dict[str, Speaker]:
    """Return the speakers of recordings, with their metadata."""
    return {recording.speaker_id: known.get(recording.speaker_id, Speaker()) for recording in recordings}


def choose(recordings: list[Recording], known: dict[str, Speaker], config: dict) -> list[Recording]:
    """Return the recordings that the config's `speakers` and `utterances_per_speaker` select, sorted by id."""
    there = {recording.speaker_id for recording in recordings}
    taken = choose_speakers(there, known, config.get("speakers"), config.get("splits", {}))
    recordings = [recording for recording in recordings if recording.speaker_id in taken]
    number = config.get("utterances_per_speaker")
    if isinstance(number, dict):
        split_of = assign_splits(speakers_of(recordings, known), known, config)
        return subset(recordings, {speaker: number.get(split) for speaker, split in split_of.items()})
    return subset(recordings, dict.fromkeys(taken, number))


def relevant(gaps: list[LeftOut], chosen: list[Recording], config: dict) -> list[LeftOut]:
    """Return the corpus's gaps for the speakers that a run uses or lists; all gaps if it uses all speakers."""
    wanted = config.get("speakers")
    taken = {recording.speaker_id for recording in chosen} | set(wanted if isinstance(wanted, list) else ())
    return [gap for gap in gaps if wanted is None or gap.speaker_id in taken]


def choose_speakers(
    there: set[str], known: Iterable[str], wanted: list[str] | int | None, splits: dict[str, list[str]]
) -> set[str]:
    """Return the speakers to use: those listed; a number of them, first those named in `splits`; or all.

    Args:
        there: the speakers who have recordings.
        known: all speakers that the corpus lists, possibly without recordings.

    Raises:
        DataError: a listed speaker is unknown, or the number is out of range.
    """
    if wanted is None:
        return there
    if isinstance(wanted, list):
        for speaker in wanted:
            if speaker not in there | set(known):
                raise DataError(f"speakers: unknown speaker {speaker!r}; {allowed(speaker, there)}")
        return there & set(wanted)
    named = {speaker for members in splits.values() for speaker in members} & there
    if not len(named) <= wanted <= len(there):
        raise DataError(
            f"speakers: {wanted}; allowed: at least {len(named)}, the speakers named in splits, and at most "
            f"{len(there)}, the speakers of the corpus"
        )
    return set(sorted(there, key=lambda speaker: (speaker not in named, stable_number(speaker)))[:wanted])


def subset(recordings: list[Recording], per_speaker: dict[str, int | None]) -> list[Recording]:
    """Return at most `per_speaker` recordings of each speaker (None: all), sorted by id."""
    by_speaker: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        by_speaker[recording.speaker_id].append(recording)
    chosen = []
    for speaker, members in by_speaker.items():
        members.sort(key=lambda recording: stable_number(recording.utterance_id))
        chosen += members[: per_speaker[speaker]]
    return sorted(chosen, key=lambda recording: recording.utterance_id)
