"""The law that relates a codec's output lengths to its input lengths: complete frames only, or cut to the input."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

AS_THE_INPUT, UNKNOWN = "as the input", "unknown"


class Law(NamedTuple):
    """Law that most lengths of a codec obey.

    Attributes:
        name: `as the input`, `input rounded up to a multiple of H`, `input rounded down to a multiple of H`,
            `a multiple of H`; `unknown` if no input is available and lengths are not multiples of a hop.
        obeying, clips: number of clips that obey it, and number of clips tested.
        bonafide_share: share of input lengths that are multiples of H themselves; NaN for a law without H, or if no
            input is available.
    """

    name: str
    obeying: int
    clips: int
    bonafide_share: float


def input_lengths(num_samples: np.ndarray, from_rate: np.ndarray, to_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimum and maximum possible length of a codec's input at the codec's rate (int [N] each).

    Only the recording at `from_rate` is known: its length n was rounded up, so it lasts (n - 1, n] / `from_rate`
    seconds, and the length at `to_rate` is rounded up again.
    """
    least = (num_samples - 1) * to_rate // from_rate + 1
    most = -(-num_samples * to_rate // from_rate)
    return np.where(from_rate == to_rate, num_samples, least), most


def length_law(lengths: np.ndarray, least: np.ndarray, most: np.ndarray, hops: Sequence[int]) -> Law:
    """Return the law that most of the lengths obey; ties go to the first law and to the larger hop.

    If no law holds for half of the clips, return `as the input` (`unknown` without inputs) with its count.

    Args:
        lengths: lengths of a codec's clips, int [N], in samples at its rate.
        least, most: bounds of their input lengths, int [N], see `input_lengths`; int [0] if no input is available,
            in which case only multiples of hops are tested.
        hops: candidate hops in samples at the codec's rate.
    """
    paired = len(most) > 0
    others = _laws(lengths, least, most, hops) if paired else _multiples(lengths, hops)
    otherwise = (least <= lengths) & (lengths <= most) if paired else np.zeros(len(lengths), bool)
    laws = [(AS_THE_INPUT if paired else UNKNOWN, 0, otherwise), *others]
    # by chance, a tenth of the lengths may be multiples of a small hop
    handicap = {name: 0.1 * len(lengths) * paired for name, _, _ in _multiples(lengths, hops)}
    name, hop, obeyed = max(laws, key=lambda law: np.count_nonzero(law[2]) - handicap.get(law[0], 0))
    if np.mean(obeyed) < 0.5:
        name, hop, obeyed = laws[0]
    share = float(np.mean(most % hop == 0)) if hop and paired else float("nan")
    return Law(name, int(np.count_nonzero(obeyed)), len(lengths), share)


def _laws(
    lengths: np.ndarray, least: np.ndarray, most: np.ndarray, hops: Sequence[int]
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield each law's name, its hop, and which lengths obey it (bool [N])."""
    multiples = list(_multiples(lengths, hops))
    for name, hop, whole in multiples:
        yield f"input rounded up to {name}", hop, whole & (least <= lengths) & (lengths - hop < most)
        yield f"input rounded down to {name}", hop, whole & (lengths <= most) & (least < lengths + hop)
    yield from multiples


def _multiples(lengths: np.ndarray, hops: Sequence[int]) -> Iterator[tuple[str, int, np.ndarray]]:
    for hop in sorted(hops, reverse=True):
        yield f"a multiple of {hop}", hop, lengths % hop == 0
