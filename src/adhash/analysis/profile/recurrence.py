"""How soon keys return, by capture and recapture.

The share of a piece's keys that no earlier piece has shown falls as more rows were shown: fast
where keys are alike and few, slowly where many are rare. If each key comes at random moments, and
the rates of keys follow a gamma distribution of shape k, that share is

    new(rows shown) = (1 + shown / b) ** -k

Both are fitted to what the pieces show. A key that was not seen among the rows shown is likely a
rare one: its rate then follows the gamma distribution of shape k and b + shown, and the probability
that it does not come in the next x rows is (1 + x / (b + shown)) ** -k. For a key that was seen the
exponent is k + 1. A trace that goes on to new keys for ever shows the same share of new ones all
the time: b is large then, and nothing is expected to return.

References
----------
R. A. Fisher, A. S. Corbet, C. B. Williams, "The relation between the number of species and the
number of individuals in a random sample of an animal population", Journal of Animal Ecology 12
(1943).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHAPES = np.logspace(-1.5, 1.5, 25)
_SCALES = np.logspace(0, 12, 97)

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Capture:
    """What one piece shows: after `shown` rows, `new` of its `keys` were not seen before."""

    shown: int
    keys: int
    new: int


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How soon keys return.

    Parameters
    ----------
    shape : float
        k of the gamma distribution of rates: the smaller, the more keys differ.
    scale : float
        b, in rows.
    """

    shape: float
    scale: float

    def unseen(self, rows: _Floats, *, shown: int, was_seen: NDArray[np.bool_]) -> _Floats:
        """Return the probability that keys do not come in so many rows.

        Parameters
        ----------
        rows : ndarray of float64, shape (n,)
            How many rows of the trace, for each key.
        shown : int
            How many rows were looked at before.
        was_seen : ndarray of bool, shape (n,)
            Whether the key was among them.

        Returns
        -------
        ndarray of float64, shape (n,)
            In (0, 1].
        """
        exponent = self.shape + was_seen
        probability: _Floats = (1 + rows / (self.scale + shown)) ** -exponent
        return probability


def fit_recurrence(captures: Sequence[Capture]) -> Recurrence:
    """Return the recurrence that comes nearest to what pieces show.

    Parameters
    ----------
    captures : sequence of Capture
        Of all pieces but the first; none for a trace that is whole.

    Returns
    -------
    Recurrence
        The best of a grid, by squares weighted with keys.
    """
    shown = np.array([each.shown for each in captures], dtype=np.float64)
    keys = np.array([each.keys for each in captures], dtype=np.float64)
    share = np.array([each.new for each in captures]) / keys
    base = 1 + shown / _SCALES[:, None]
    errors = [((base**-shape - share) ** 2 @ keys) for shape in _SHAPES]
    at_shape, at_scale = np.unravel_index(np.argmin(errors), (len(_SHAPES), len(_SCALES)))
    return Recurrence(shape=float(_SHAPES[at_shape]), scale=float(_SCALES[at_scale]))
