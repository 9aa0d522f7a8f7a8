"""Treatment of both classes after the codec, as part of a recipe."""

from typing import Any, Protocol

import numpy as np


class Treatment(Protocol):
    """A treatment of utterances. Its `repr` contains everything that its output depends on."""

    def treat(self, samples: np.ndarray, sample_rate: int, source: dict[str, Any]) -> tuple[np.ndarray, int]:
        """Return the treated utterance (float32 [N]) and its sample rate.

        Args:
            source: the utterance's row in the source shard: its bona fide recording, at any rate.
        """
