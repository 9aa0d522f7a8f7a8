"""The name of a detector in the matrix."""

from typing import NamedTuple


class DetectorId(NamedTuple):
    """The matrix row of a detector, and the seed of its training; None for a baseline.

    As text it is ROW@SEED, or ROW for a baseline.
    """

    row: str
    seed: int | None = None

    def __str__(self) -> str:
        return self.row if self.seed is None else f"{self.row}@{self.seed}"

    @property
    def seed_text(self) -> str:
        """The seed in tables: empty for a baseline."""
        return "" if self.seed is None else str(self.seed)
