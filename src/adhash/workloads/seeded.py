"""Random numbers that stay the same for a seed, whatever the version of numpy.

numpy promises to keep the raw output of its bit generators, but not the way `Generator` turns it
into numbers; so that is done here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_DOUBLE = np.float64(2.0**-53)


class SeededStream:
    """A stream of random numbers.

    Parameters
    ----------
    seed : int
        At least 0.
    purpose : int
        Streams of one seed and different purposes are independent.
    """

    def __init__(self, seed: int, purpose: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, purpose]))

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Return `count` uniform 64-bit words."""
        words: npt.NDArray[Any] = self._bits.random_raw(count)
        return words.astype(np.uint64, copy=False)

    def doubles(self, count: int) -> npt.NDArray[np.float64]:
        """Return `count` multiples of 2**-53, uniform in [0, 1)."""
        whole = (self.words(count) >> np.uint64(11)).astype(np.float64)
        return whole * _DOUBLE

    def below(self, bound: int, count: int) -> npt.NDArray[np.int64]:
        """Return `count` integers, uniform in [0, bound); `bound` is at most 2**48."""
        return (self.doubles(count) * bound).astype(np.int64)
