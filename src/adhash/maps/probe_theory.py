"""How long probes would be if the hash spread keys perfectly evenly: the line beside a histogram.

Every layout is followed as a process on Poisson counts, which is exact for a large table that was
filled and never deleted from. Deletions leave tombstones (`swiss`) and entries far along a chain
(`chaining`), so that a table with much churn lies a little above its line; a bad hash lies far
above it.

`robinhood`
    Entries that lie by order of their homes are customers of a queue: one slot serves one of them,
    a Poisson number of them arrives a slot, and whoever comes first is served first. The distance
    of an entry is its waiting time: those who wait already, and those of its own slot before it.
`swiss`
    A key goes on to another group while the one it looks at is full. While a table fills, each
    group has seen a Poisson number of such visits, of the mean that makes the groups as full as
    they are. What is found later are the insertions of all loads up to the present one. (Groups
    are taken as visited independently; that full ones send their keys to the same neighbours makes
    long probes a little more frequent at loads above three quarters.)
`chaining` and `std`
    The entries of a bucket are Poisson, and the r-th of them lies in the block of the chain that
    r falls into: blocks of as many slots as a bucket has, or of one.

References
----------
A. Viola and S. Janson, A Unified Approach to Linear Probing Hashing with Buckets (2016), for Robin
Hood hashing as a queue.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# The longest probe that is told; at the loads that tables allow next to nothing lies beyond.
MAX_LENGTH = 64
_NEGLIGIBLE = 1e-9
_SWISS_SLOTS = 16
_FILL_STEPS = 256
# Slots of a bucket of `chaining` by the odd part of the capacity: buckets are a power of two, and
# the types of keys and values leave room for 7, 4 or 3 entries.
_BUCKET_SLOTS = {7: 7, 3: 3, 1: 4}


def uniform_probe_shares(layout: str, *, size: int, capacity: int) -> list[float] | None:
    """Return the expected share of entries by probe length under a uniform hash.

    Parameters
    ----------
    layout : str
        ``chaining``, ``robinhood``, ``swiss`` or ``std``.
    size : int
        Entries.
    capacity : int
        Slots; of ``std`` its buckets.

    Returns
    -------
    list of float or None
        Shares of the lengths 1, 2, ..., without a negligible tail; None for an empty table, and
        where the layout, or such a load in it, is not known.
    """
    if size <= 0 or capacity <= 0:
        return None
    load = size / capacity
    shares = _shares(layout, load, capacity)
    if shares is None:
        return None
    told = shares[:MAX_LENGTH]
    last = int(np.flatnonzero(told > _NEGLIGIBLE)[-1])
    return [float(f"{share:.6g}") for share in told[: last + 1]]


def _shares(layout: str, load: float, capacity: int) -> Floats | None:
    if layout == "std":
        return _chain_shares(load, slots=1)
    if layout == "chaining":
        slots = _BUCKET_SLOTS.get(capacity // (capacity & -capacity))
        return None if slots is None else _chain_shares(load * slots, slots=slots)
    if load >= 1:
        return None
    if layout == "robinhood":
        return _waiting_shares(load)
    return _group_shares(load) if layout == "swiss" else None


def _poisson(mean: float, terms: int) -> Floats:
    """Return the probabilities of 0, 1, ... of a Poisson variable."""
    counts = np.arange(terms)
    logs = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    weights: Floats = np.exp(counts * math.log(mean) - mean - logs)
    return weights


def _at_least(probabilities: Floats) -> Floats:
    """Return the probabilities of at least 0, 1, ..., summed from the small end."""
    return np.cumsum(probabilities[::-1])[::-1]


def _chain_shares(mean: float, *, slots: int) -> Floats:
    blocks = MAX_LENGTH
    reached = _at_least(_poisson(mean, slots * blocks + 1))[1:]
    shares: Floats = reached.reshape(blocks, slots).sum(axis=1) / mean
    return shares


def _waiting_shares(load: float) -> Floats:
    terms = 4 * MAX_LENGTH
    arrivals = _poisson(load, terms)
    waiting = np.zeros(terms)
    waiting[0] = (1 - load) / arrivals[0]
    for length in range(terms - 1):
        before = waiting[: length + 1] @ arrivals[length + 1 : 0 : -1]
        if length == 0:
            before += waiting[0] * arrivals[0]
        waiting[length + 1] = max(0.0, (waiting[length] - before) / arrivals[0])
    ahead_at_home = _at_least(arrivals)[1:] / load
    return np.convolve(waiting, ahead_at_home)[:terms]


def _group_shares(load: float) -> Floats:
    # From an empty table to this one, in even steps of what the groups have seen.
    visits = np.linspace(0.0, _visits_at(load), _FILL_STEPS)
    filled, full = _groups_after(visits)
    # One row a length: a probe of it passed so many full groups, and then found one that was not.
    passed = np.cumprod(np.vstack([np.ones_like(full), *([full] * (MAX_LENGTH - 1))]), axis=0)
    at_each = passed * (1 - full)
    inserted = np.diff(filled)
    shares: Floats = (at_each[:, 1:] + at_each[:, :-1]) / 2 @ inserted / inserted.sum()
    return shares


def _visits_at(load: float) -> float:
    """Return the mean number of visits a group has seen when groups are as full as `load`."""
    low, high = 0.0, 64.0 * _SWISS_SLOTS
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _filled_after(middle) < load else (low, middle)
    return high


def _filled_after(visits: float) -> float:
    """Return how full groups are after a mean number of visits: a number, without arrays."""
    chance = math.exp(-visits)  # that a group has seen none, then one, ...
    missing = _SWISS_SLOTS * chance
    for seen in range(1, _SWISS_SLOTS):
        chance *= visits / seen
        missing += (_SWISS_SLOTS - seen) * chance
    return 1.0 - missing / _SWISS_SLOTS


def _groups_after(visits: Floats) -> tuple[Floats, Floats]:
    """Return how full groups are, and the share of full ones, after mean numbers of visits."""
    counts = np.arange(_SWISS_SLOTS)
    factors = visits[:, np.newaxis] / np.maximum(counts, 1)
    factors[:, 0] = np.exp(-visits)
    not_full = np.cumprod(factors, axis=1)
    full = np.maximum(0.0, 1.0 - not_full.sum(axis=1))
    return (not_full @ counts + _SWISS_SLOTS * full) / _SWISS_SLOTS, full
