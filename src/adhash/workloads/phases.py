"""Traces whose character changes at given rows: other mix, distribution, or hot keys."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from adhash.errors import BadInputError
from adhash.workloads.distributions import Distribution, Ranks
from adhash.workloads.seeded import SeededStream

_REAL = (
    *("get", "put", "delete", "insert", "scan", "rmw", "replace"),
    *("exponent", "hot_set", "hot_ops", "exp_percentile", "exp_frac", "move"),
)
_WHOLE = ("max_scan",)
_WORDS = ("distribution",)
_FORM = "a phase is ROW:NAME=VALUE,NAME=VALUE, such as 500000:get=10,put=90,move=0.5"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """What changes at a row.

    Parameters
    ----------
    row : int
        Where it begins, from 0.
    changes : dict
        Fields of `TraceSpec` and what they become.
    move : float
        The working set moves on by this fraction of the keys: those that were hot are not.
    """

    row: int
    changes: dict[str, Any]
    move: float = 0.0


def read_phase(text: str) -> Phase:
    """Return the phase that a text describes.

    Parameters
    ----------
    text : str
        Such as ``"500000:get=10,put=90,move=0.5"``.

    Returns
    -------
    Phase
        Whose changes are of the right types.

    Raises
    ------
    BadInputError
        If it is of another form, or names what cannot change.
    """
    row, colon, rest = text.partition(":")
    if not colon or not row.strip().isascii() or not row.strip().isdigit():
        raise BadInputError(f"{text!r} is no phase", hint=_FORM)
    changes = dict(_read_change(text, each) for each in rest.split(","))
    return Phase(row=int(row), move=changes.pop("move", 0.0), changes=changes)


def _read_change(text: str, change: str) -> tuple[str, Any]:
    name, equals, value = (each.strip() for each in change.partition("="))
    name = {"del": "delete"}.get(name, name.replace("-", "_"))
    if not equals or name not in (*_REAL, *_WHOLE, *_WORDS):
        known = ", ".join((*_REAL, *_WHOLE, *_WORDS))
        raise BadInputError(
            f"{change!r} in the phase {text!r} changes nothing that is known",
            hint=f"{_FORM}; what can change: {known}",
        )
    if name in _WORDS:
        return name, value
    try:
        return name, int(value) if name in _WHOLE else float(value)
    except ValueError:
        raise BadInputError(
            f"{name} in the phase {text!r} must be a number; got {value!r}", hint=_FORM
        ) from None


class Moved:
    """Another distribution whose ranks stand further on in the key space.

    Parameters
    ----------
    distribution : Distribution
        The other one.
    fraction : float
        By which part of the keys that are there; whole numbers change nothing.
    """

    def __init__(self, distribution: Distribution, fraction: float) -> None:
        self._distribution = distribution
        self._fraction = fraction % 1.0

    def draw(self, stream: SeededStream, records: Ranks) -> Ranks:
        """Return a rank below each number of `records`."""
        ranks = self._distribution.draw(stream, records)
        if not self._fraction:
            return ranks
        # Sums of fractions such as 0.1 are off by their last bits.
        offset = (records * self._fraction + 1e-6).astype(np.int64)
        return np.asarray((ranks + offset) % records)
