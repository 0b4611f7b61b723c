"""Finding where a trace changes: in its operations, its working set, or the keys that are popular.

Each window is a point: square roots of the shares of its operations, half the logarithm of its
distinct keys, and square roots of the shares of 1,024 cells that keys fall into by their hash.
Squared distances of such points are Hellinger distances (twice, for each part), so that no part
outweighs the others, and doubling the working set counts about as much as moving an eighth of the
operations to another kind.

The trace is cut where the means of both sides are farthest apart, and so on in each part. A cut is
kept only if it explains several times what neighbouring windows differ by anyway, and if the
phases differ visibly: where popularity drifts slowly, every cut explains a little.

References
----------
S. Arlot, A. Celisse, Z. Harchaoui, "A kernel multiple change-point algorithm via model selection",
JMLR 20 (2019), for segmentation by a kernel; here it is the Hellinger kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST_WINDOWS = 8
_SHORTEST_PHASE = 2
_MOST_CUTS = 8
# How many times the difference of neighbours a cut has to explain, and how far phases are apart.
_LEAST_STRENGTH = 6.0
_LEAST_DISTANCE = 0.3
_LEAST_NOISE = 1e-4


@dataclass(frozen=True, kw_only=True)
class WindowCharacter:
    """What windows of equal width are like.

    Parameters
    ----------
    ops : ndarray of int64, shape (windows, 3)
        Operations by type.
    cells : ndarray, shape (windows, cells)
        Rows by the cell of their key.
    distinct : ndarray of float64, shape (windows,)
        Distinct keys.
    """

    ops: NDArray[np.int64]
    cells: NDArray[np.uint32]
    distinct: Floats

    @cached_property
    def points(self) -> Floats:
        """The windows as points; shape (windows, dimensions)."""
        rows = self.ops.sum(axis=1, keepdims=True)
        size = np.log(np.maximum(self.distinct, 1.0))[:, np.newaxis] / 2
        return np.hstack([np.sqrt(self.ops / rows), size, np.sqrt(self.cells / rows)])


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A place where the trace was cut.

    Parameters
    ----------
    window : int
        The first window behind it.
    strength : float
        What it explains, over what two neighbouring windows differ by.
    """

    window: int
    strength: float


def find_cuts(character: WindowCharacter) -> list[Cut]:
    """Return where the character of windows changes.

    Parameters
    ----------
    character : WindowCharacter
        Of all windows.

    Returns
    -------
    list of Cut
        In order of time; at most eight.
    """
    if len(character.ops) < _FEWEST_WINDOWS:
        return []
    return sorted(_Segmentation(character.points).cuts(), key=lambda cut: cut.window)


class _Segmentation:
    """Cuts a sequence of points, the most telling cut first."""

    def __init__(self, points: Floats) -> None:
        self._sums = np.vstack([np.zeros(points.shape[1]), np.cumsum(points, axis=0)])
        steps = (np.diff(points, axis=0) ** 2).sum(axis=1)
        # Two neighbours differ by the noise of both. The median ignores the steps at boundaries.
        self._noise = max(float(np.median(steps)) / 2, _LEAST_NOISE)
        self._windows = len(points)

    def cuts(self) -> Iterator[Cut]:
        best = {(0, self._windows): self._best_cut(0, self._windows)}
        for _ in range(_MOST_CUTS):
            stretch, cut = max(best.items(), key=lambda each: each[1].strength)
            if cut.strength < _LEAST_STRENGTH:
                return
            yield cut
            del best[stretch]
            for start, end in ((stretch[0], cut.window), (cut.window, stretch[1])):
                best[start, end] = self._best_cut(start, end)

    def _best_cut(self, start: int, end: int) -> Cut:
        """Return the best cut of a stretch; one of strength 0 where none is good enough."""
        places = np.arange(start + _SHORTEST_PHASE, end - _SHORTEST_PHASE + 1)
        if not len(places):
            return Cut(window=start, strength=0.0)
        before, behind = places - start, end - places
        of_before = (self._sums[places] - self._sums[start]) / before[:, np.newaxis]
        of_behind = (self._sums[end] - self._sums[places]) / behind[:, np.newaxis]
        apart = ((of_before - of_behind) ** 2).sum(axis=1)
        explained = apart * before * behind / (before + behind)
        at = int(explained.argmax())
        true_apart = apart[at] - self._noise * (1 / before[at] + 1 / behind[at])
        is_visible = true_apart >= _LEAST_DISTANCE**2
        strength = float(explained[at]) / self._noise if is_visible else 0.0
        return Cut(window=int(places[at]), strength=strength)


def hellinger(one: NDArray[np.int64], other: NDArray[np.int64], *, corrected: bool) -> float:
    """Return the Hellinger distance of two distributions that were counted.

    Parameters
    ----------
    one : ndarray of int64, shape (n,)
        Counts of one.
    other : ndarray of int64, shape (n,)
        Counts of the other.
    corrected : bool
        Whether to take off what two samples of one distribution differ by.

    Returns
    -------
    float
        In [0, 1].
    """
    rows = int(one.sum()), int(other.sum())
    if not all(rows):
        return 0.0
    squared = float(((np.sqrt(one / rows[0]) - np.sqrt(other / rows[1])) ** 2).sum()) / 2
    if corrected:
        used = int(((one + other) > 0).sum()) - 1
        squared -= used / 8 * (1 / rows[0] + 1 / rows[1])
    return float(np.sqrt(min(max(squared, 0.0), 1.0)))


def distinct_of(registers: NDArray[np.uint8]) -> Floats:
    """Return the distinct keys that HyperLogLog registers saw.

    Parameters
    ----------
    registers : ndarray of uint8, shape (windows, registers)
        The longest run of zeros plus 1 of each; 0 where nothing fell to it.

    Returns
    -------
    ndarray of float64, shape (windows,)
        Estimates.
    """
    size = registers.shape[1]
    raw = 0.7213 / (1 + 1.079 / size) * size**2 / np.exp2(-registers.astype(np.float64)).sum(axis=1)
    empty = (registers == 0).sum(axis=1)
    # Where many registers are empty, their number says more.
    by_empty = size * np.log(size / np.maximum(empty, 1))
    return np.asarray(np.where((raw <= 2.5 * size) & (empty > 0), by_empty, raw))
