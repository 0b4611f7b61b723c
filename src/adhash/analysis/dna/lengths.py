"""How long keys and values are, in bytes of the text that a trace in CSV has for them."""

from __future__ import annotations

import numpy as np

from adhash.analysis.dna.scale import lower_bounds, octaves
from adhash.replay.trace_counts import LengthCounts

# Lengths below are counted one by one, longer ones in buckets of a quarter of an octave.
_EXACT_BELOW = 1024


class LengthDistribution:
    """Lengths; exact in sum, least and greatest, and in distribution up to 1,023 bytes.

    Parameters
    ----------
    counts : LengthCounts
        What was counted.
    """

    def __init__(self, counts: LengthCounts) -> None:
        self._counts = counts["bins"]
        self._bounds = np.concatenate([np.arange(_EXACT_BELOW), lower_bounds()[:-1]])
        self.count = int(self._counts.sum())
        self.total_bytes = counts["total_bytes"]
        self.least = counts["least"] if self.count else 0
        self.greatest = counts["greatest"]

    def quantile(self, share: float) -> int:
        """Return the length that this share of them does not exceed; 0 where there are none."""
        if not self.count:
            return 0
        at = int(np.argmax(np.cumsum(self._counts) >= share * self.count))
        return int(self._bounds[at])

    def buckets(self) -> list[tuple[int, int, int]]:
        """Return (from, below, count) by powers of two, without empty ones at the ends."""
        return octaves(self._bounds, self._counts)
