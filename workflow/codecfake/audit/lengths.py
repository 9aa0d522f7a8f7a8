"""The law by which a codec's lengths follow from those of its input: whole frames only, or cut to the input."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

AS_THE_INPUT, UNKNOWN = "as the input", "unknown"


class Law(NamedTuple):
    """What most of a codec's lengths obey.

    Attributes:
        name: `as the input`, `input rounded up to a multiple of H`, `input rounded down to a multiple of H`,
            `a multiple of H`; `unknown` if no input is at hand and there are no multiples.
        obeying, clips: how many of how many obey it.
        bonafide_share: of the inputs' lengths, multiples of H as they are; NaN for other laws, or if no input is at
            hand.
    """

    name: str
    obeying: int
    clips: int
    bonafide_share: float


def input_lengths(num_samples: np.ndarray, from_rate: np.ndarray, to_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How long the input of a codec may have been at its rate, at least and at most (int [N] each).

    Known is only what became of the recording at another rate, where its length n was rounded up; what took
    (n - 1, n] / `from_rate` seconds is rounded up again.
    """
    least = (num_samples - 1) * to_rate // from_rate + 1
    most = -(-num_samples * to_rate // from_rate)
    return np.where(from_rate == to_rate, num_samples, least), most


def length_law(lengths: np.ndarray, least: np.ndarray, most: np.ndarray, hops: Sequence[int]) -> Law:
    """The law that most of the lengths obey; of two, the first and that of the larger hop.

    If none is obeyed by half of them, it is told how many are as the input.

    Args:
        lengths: int [N] of a codec's clips, in samples at its rate.
        least, most: int [N] of their inputs, see `input_lengths`; [0] if none is at hand: then only multiples are
            looked for.
        hops: candidates, in samples at the codec's rate.
    """
    paired = len(most) > 0
    others = _laws(lengths, least, most, hops) if paired else _multiples(lengths, hops)
    otherwise = (least <= lengths) & (lengths <= most) if paired else np.zeros(len(lengths), bool)
    laws = [(AS_THE_INPUT if paired else UNKNOWN, 0, otherwise), *others]
    # a tenth of the lengths may be multiples of a small hop by chance
    handicap = {name: 0.1 * len(lengths) * paired for name, _, _ in _multiples(lengths, hops)}
    name, hop, obeyed = max(laws, key=lambda law: np.count_nonzero(law[2]) - handicap.get(law[0], 0))
    if np.mean(obeyed) < 0.5:
        name, hop, obeyed = laws[0]
    share = float(np.mean(most % hop == 0)) if hop and paired else float("nan")
    return Law(name, int(np.count_nonzero(obeyed)), len(lengths), share)


def _laws(
    lengths: np.ndarray, least: np.ndarray, most: np.ndarray, hops: Sequence[int]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Each law's name, its hop and which lengths obey it (bool [N])."""
    multiples = list(_multiples(lengths, hops))
    for name, hop, whole in multiples:
        yield f"input rounded up to {name}", hop, whole & (least <= lengths) & (lengths - hop < most)
        yield f"input rounded down to {name}", hop, whole & (lengths <= most) & (least < lengths + hop)
    yield from multiples


def _multiples(lengths: np.ndarray, hops: Sequence[int]) -> Iterator[tuple[str, int, np.ndarray]]:
    for hop in sorted(hops, reverse=True):
        yield f"a multiple of {hop}", hop, lengths % hop == 0
