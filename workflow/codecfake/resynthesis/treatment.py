"""What a recipe may do to both classes after the codec."""

from typing import Any, Protocol

import numpy as np


class Treatment(Protocol):
    """Its `repr` has all that decides what it does."""

    def treat(self, samples: np.ndarray, sample_rate: int, source: dict[str, Any]) -> tuple[np.ndarray, int]:
        """An utterance (float32 [N]) after it, and its rate.

        Args:
            source: the row of the source shard with its bona fide recording, at any rate.
        """
