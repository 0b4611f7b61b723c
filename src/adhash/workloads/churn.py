"""Keys that are replaced while their number stays: new ones come, old ones go.

Requests name a slot of a table of fixed size; what stands in it is a key. Replacing gives the slot
the next new key. Which slot is replaced decides how long keys live:

- "geometric": any slot, equally often. Keys do not age; lifetimes are geometric.
- "fixed": the oldest one, so that every key lives for as many replacements as there are slots. The
  keys there are then those of a window that moves, and no table is needed.
- "skewed": slots by Zipf's law. Most new keys go soon and some stay almost for ever, as of a memory
  allocator or a store of sessions.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from adhash.workloads.distributions import Ranks
from adhash.workloads.seeded import SeededStream
from adhash.workloads.zipf import ZipfSampler

Lifetime = Literal["geometric", "fixed", "skewed"]
Bools = npt.NDArray[np.bool_]

_SKEW = 0.99


class Turnover(Protocol):
    """Says which keys stand in slots, and replaces them."""

    def resolve(self, slots: Ranks, is_replaced: Bools) -> tuple[Ranks, Ranks]:
        """Return the key in each slot, and of those that are replaced the new one.

        Parameters
        ----------
        slots : ndarray of int64, shape (n,)
            One for each request, in their order; of those that replace the key, any.
        is_replaced : ndarray of bool, shape (n,)
            Which requests replace the key.

        Returns
        -------
        tuple of (ndarray of int64, shape (n,), ndarray of int64, shape (m,))
            What stood there before the request; and the new keys, of the m that replace.
        """
        ...


class OldestFirst:
    """The keys are a window that moves: every slot is the age of a key.

    Parameters
    ----------
    keys : int
        How many there are.
    """

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self._replaced = 0

    def resolve(self, slots: Ranks, is_replaced: Bools) -> tuple[Ranks, Ranks]:
        """Return the key in each slot, and new ones; see `Turnover.resolve`."""
        replaced_before = self._replaced + np.cumsum(is_replaced) - is_replaced
        self._replaced += int(is_replaced.sum())
        held = replaced_before + np.where(is_replaced, 0, slots)
        return held, replaced_before[is_replaced] + self._keys


class BySlot:
    """A table of the keys in the slots.

    Parameters
    ----------
    keys : int
        How many slots there are.
    stream : SeededStream
        The source of randomness for the slots that are replaced.
    skew : float
        The exponent of Zipf's law by which they are chosen; the last slot is the most frequent.
    """

    def __init__(self, keys: int, stream: SeededStream, *, skew: float) -> None:
        self._held = np.arange(keys)
        self._next = keys
        self._stream = stream
        self._victims = ZipfSampler(keys=keys, exponent=skew)

    def resolve(self, slots: Ranks, is_replaced: Bools) -> tuple[Ranks, Ranks]:
        """Return the key in each slot, and new ones; see `Turnover.resolve`."""
        replaced = np.flatnonzero(is_replaced)
        came = self._next + np.arange(len(replaced))
        slots = slots.copy()
        # The hot keys of most distributions are in the first slots, and live longest.
        slots[replaced] = len(self._held) - 1 - self._victims.draw(self._stream, len(replaced))
        held = self._held[slots]
        order = np.argsort(slots, kind="stable")
        before = _last_replacement_before(slots[order], is_replaced[order])
        known = before >= 0
        number = np.cumsum(is_replaced) - 1
        held[order[known]] = came[number[order[before[known]]]]
        # Of a slot that is replaced twice, the later key stays.
        self._held[slots[replaced]] = came
        self._next += len(came)
        return held, came


def _last_replacement_before(slots: Ranks, is_replaced: Bools) -> Ranks:
    """Return for each place of sorted `slots` the last one before it that replaces the same slot.

    It is -1 where there is none.
    """
    places = np.arange(len(slots))
    latest = np.maximum.accumulate(np.where(is_replaced, places, -1))
    before = np.concatenate([[-1], latest[:-1]]) if len(slots) else latest
    first_of_slot = np.searchsorted(slots, slots, side="left")
    return np.where(before >= first_of_slot, before, -1)


def turnover(lifetime: Lifetime, *, keys: int, stream: SeededStream) -> Turnover:
    """Return what replaces keys.

    Parameters
    ----------
    lifetime : {"geometric", "fixed", "skewed"}
        How long keys live.
    keys : int
        How many there are at any time.
    stream : SeededStream
        The source of randomness.

    Returns
    -------
    Turnover
        In which slot k holds key k.
    """
    if lifetime == "fixed":
        return OldestFirst(keys)
    return BySlot(keys, stream, skew=_SKEW if lifetime == "skewed" else 0.0)
