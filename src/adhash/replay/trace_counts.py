"""Counting what a trace is like: the native counter, and a trace of any format read into it.

For analyses that look at every operation and execute none. Parsing, checking and counting happen
in native code, batch by batch; a wrong row is told in the words of a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from adhash.clock import Clock, SystemClock
from adhash.errors import InterruptedRunError
from adhash.replay.feeding import Feed, open_feed
from adhash.replay.machinery import NativeMachinery
from adhash.replay.session import explain_fault, require_rows, require_some_rows
from adhash.replay.table_types import Fault, TableTypes

if TYPE_CHECKING:
    from adhash.config_models import ReplaySettings
    from adhash.workloads.columns import Column
    from adhash.workloads.sources import TraceSource

Counts = NDArray[np.int64]

# The longest that native code runs before the caller looks around.
_BUDGET_NS = 50_000_000
# Large enough that a block's step through Python does not count, small enough for the cache.
_BLOCK_BYTES = 1 << 20

#: Keys that the sketch of the hottest ones holds once not all can be followed: its counts are off
#: by less than one in so many rows.
SKETCH_KEYS = 65_536


class LengthCounts(TypedDict):
    """Lengths in bytes: one by one below 1,024, then in buckets of a quarter of an octave."""

    bins: Counts
    total_bytes: int
    least: int
    greatest: int


class OrderCounts(TypedDict):
    """Steps from each row's integer key to the next row's, and the range of keys."""

    same: int
    next_up: int
    next_down: int
    up: int
    least: int
    greatest: int
    common_step: int
    longest_run: int
    run_steps: Counts


class KeyWindowCounts(TypedDict):
    """Distinct keys and their later traffic by window; see ``trace_windows.hpp``."""

    width: int
    ops: Counts
    keys: Counts
    cohorts: Counts


class PhaseWindowCounts(TypedDict):
    """The character of narrower windows; see ``trace_windows.hpp``."""

    width: int
    ops: Counts
    misses: Counts
    cells: NDArray[np.uint32]
    registers: NDArray[np.uint8]


class TraceCounts(TypedDict):
    """What was counted; arrays are flat.

    Those of followed keys have a line for what was counted exactly and, once keys are a sample,
    one more for each of 16 groups of them (``key_sample.hpp``).
    """

    rows: int
    exact_rows: int
    weight: int
    operations: Counts
    outcomes: Counts
    get_distances: Counts
    other_distances: Counts
    gaps: Counts
    lifetimes: Counts
    unread_deletions: Counts
    entries: int
    peak_entries: int
    key_lengths: LengthCounts
    value_lengths: LengthCounts
    key_windows: KeyWindowCounts
    phase_windows: PhaseWindowCounts
    order: OrderCounts | None


class KeyHistories(TypedDict):
    """What is known of the keys that are followed, by their numbers; arrays of shape (n,)."""

    rows: Counts
    first_rows: Counts
    last_rows: Counts
    early_gets: Counts
    states: NDArray[np.uint8]
    groups: NDArray[np.uint8]


class TraceCounter(Protocol):
    """The native ``TraceDna``: operations go in, counts come out."""

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        """Take the next bytes of a CSV trace."""
        ...

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        """Take the next operations."""
        ...

    def advance(self, budget_ns: int) -> bool | None:
        """Count for about a time; return whether all is counted, or None where told to stop."""
        ...

    def finish(self) -> None:
        """End what the last row leaves open; to be called once, before counts are asked for."""
        ...

    def rows(self) -> int:
        """Return the rows so far."""
        ...

    def memory_bytes(self) -> int:
        """Return the memory that counting takes, in bytes."""
        ...

    def counts(self) -> TraceCounts:
        """Return what was counted."""
        ...

    def histories(self) -> KeyHistories:
        """Return what is known of the keys that are followed."""
        ...

    def keys_of(self, numbers: Counts) -> Column:
        """Return keys by their numbers, in the same order."""
        ...

    def numbers_of(self, keys: Column) -> Counts:
        """Return the numbers of keys; -1 for those that are not followed."""
        ...

    def sketch(self) -> tuple[Column, Counts, int] | None:
        """Return the hottest keys, their counts and the bound on how much too low these are.

        None where every key is followed.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class KeyLimits:
    """How much of a trace's keys is held.

    Parameters
    ----------
    max_keys : int
        The most distinct keys to follow, but for those of a batch of 2,048 rows.
    max_key_bytes : int
        The most bytes of distinct keys to hold.
    sketch_keys : int
        How many of the hottest keys are counted where not all can be followed.
    """

    max_keys: int
    max_key_bytes: int
    sketch_keys: int = SKETCH_KEYS


def new_counter(
    types: TableTypes,
    limits: KeyLimits,
    *,
    max_line_bytes: int = 0,
    seed: int | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TraceCounter:
    """Return a native counter that has counted nothing yet.

    Parameters
    ----------
    types : TableTypes
        Of keys and values; neither is ``auto``.
    limits : KeyLimits
        How much of the keys is held.
    max_line_bytes : int
        The longest line of CSV; 0 for any.
    seed : int or None
        Of the table that numbers keys; no figure depends on it. A random one where None, so that a
        trace of keys made to collide does not make this slow.
    should_stop : callable or None
        Asked by work that takes long whether to end.

    Returns
    -------
    TraceCounter
        To be fed.
    """
    import secrets

    from adhash import _native

    return _native.TraceDna(
        key_type=types.key,
        value_type=types.value,
        max_keys=limits.max_keys,
        max_key_bytes=limits.max_key_bytes,
        sketch_keys=limits.sketch_keys,
        seed=secrets.randbits(64) if seed is None else seed,
        max_line_bytes=max_line_bytes,
        should_stop=should_stop,
    )


@contextmanager
def open_counted_trace(
    trace: str,
    *,
    settings: ReplaySettings,
    types: TableTypes,
    asked: TableTypes,
    limits: KeyLimits,
    is_stopped: Callable[[], bool],
    clock: Clock | None = None,
) -> Iterator[CountedTrace]:
    """Open a trace to count its operations.

    Parameters
    ----------
    trace : str
        As for `adhash.workloads.sources.open_trace`.
    settings : ReplaySettings
        Its limits on rows, bytes and the length of lines.
    types : TableTypes
        Of keys and values; ``auto`` is decided by the beginning of the trace.
    asked : TableTypes
        The types that were asked for; what is ``auto`` there may be widened.
    limits : KeyLimits
        How much of the keys is held.
    is_stopped : callable
        Whether to stop; asked many times a second.
    clock : Clock or None
        The system's where None.

    Yields
    ------
    CountedTrace
        Not yet read.

    Raises
    ------
    AdhashError
        If the trace cannot be opened, or is not of the types asked for.
    """
    with open_feed(
        trace,
        settings=settings,
        types=types,
        block_bytes=_BLOCK_BYTES,
        infer=NativeMachinery().infer_types,
        clock=clock or SystemClock(),
        is_stopped=is_stopped,
    ) as feed:
        counter = new_counter(
            feed.types, limits, max_line_bytes=settings.max_line_bytes, should_stop=is_stopped
        )
        yield CountedTrace(
            feed, counter, asked=asked, max_rows=settings.csv_max_rows, is_stopped=is_stopped
        )


class CountedTrace:
    """An opened trace that is counted once.

    Parameters
    ----------
    feed : Feed
        The trace.
    counter : TraceCounter
        What counts it.
    asked : TableTypes
        The types that were asked for.
    max_rows : int
        The most rows allowed; 0 for any number.
    is_stopped : callable
        Whether to stop.
    """

    def __init__(
        self,
        feed: Feed,
        counter: TraceCounter,
        *,
        asked: TableTypes,
        max_rows: int,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._feed = feed
        self._counter = counter
        self._asked = asked
        self._max_rows = max_rows
        self._is_stopped = is_stopped

    @property
    def source(self) -> TraceSource:
        """The trace, for its name, its size and how much of it was read."""
        return self._feed.source

    @property
    def types(self) -> TableTypes:
        """The types of keys and values."""
        return self._feed.types

    def count(self, on_step: Callable[[], None] = lambda: None) -> TraceCounter:
        """Count the trace to its end.

        Parameters
        ----------
        on_step : callable
            Called many times a second.

        Returns
        -------
        TraceCounter
            Finished.

        Raises
        ------
        TraceError
            If a row is wrong, or there is none.
        MisfitError
            If a row does not fit types that were inferred: to be read again with wider ones.
        PolicyError
            If the trace is larger than allowed.
        StorageError
            If it cannot be read.
        InterruptedRunError
            If it was stopped.
        """
        for _ in self._feed.into_driver(self._counter):
            while not self._advance():
                on_step()
            on_step()
        require_some_rows(self._counter.rows(), file=self.source.name)
        self._counter.finish()
        return self._counter

    def _advance(self) -> bool:
        """Count for a while; return whether all that was fed is counted."""
        from adhash import _native

        if self._is_stopped():
            raise InterruptedRunError("interrupted before the trace was read")
        try:
            is_done = self._counter.advance(_BUDGET_NS)
        except _native.TraceFault as native:
            raise explain_fault(
                Fault.of(native),
                source=self.source,
                asked=self._asked,
                used=self.types,
                is_bound=False,
            ) from None
        require_rows(self._counter.rows(), limit=self._max_rows, file=self.source.name)
        if is_done is None:
            raise InterruptedRunError("interrupted before the trace was read")
        return is_done
