"""The first operations of a trace, carried out on a map that somebody wants to look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.config_models import ReplaySettings
from adhash.errors import InterruptedRunError
from adhash.maps import Map
from adhash.progress import WorkCallback, WorkProgress
from adhash.replay.feeding import Feed
from adhash.replay.machinery import Driver, NativeMachinery
from adhash.replay.session import explain_fault, require_some_rows
from adhash.replay.table_types import AUTO, Fault, MisfitError, TableTypes

if TYPE_CHECKING:
    from adhash.workloads.importing import Importing
    from adhash.workloads.sources import TraceSource

# The longest that native code runs before the token is looked at.
_BUDGET_NS = 50_000_000


def replay_first(
    csv: str,
    *,
    rows: int,
    engine: str,
    key_type: str,
    importing: Importing,
    seed: int | None,
    cancel: CancelToken,
    progress: WorkCallback,
) -> Map[Any, Any]:
    """Return the map that the first operations of a trace make; what follows them is not read.

    Parameters
    ----------
    csv : str
        The trace; ``"-"`` for standard input.
    rows : int
        How many operations to carry out; all of a shorter trace.
    engine : str
        The engine.
    key_type : {"auto", "int64", "uint64", "str", "bytes"}
        The type of the keys; auto as for a replay.
    importing : Importing
        How a foreign trace is read.
    seed : int or None
        The seed of the hash; a random one where None.
    cancel : CancelToken
        Ends the work.
    progress : callable
        Told how many operations are done.

    Returns
    -------
    Map
        Of the types that the trace asks for.

    Raises
    ------
    TraceError
        If one of these rows is wrong, or the trace is none.
    StorageError
        If it cannot be read.
    InterruptedRunError
        If the work was cancelled.
    """
    asked = TableTypes(key=key_type, value=AUTO)
    types = asked
    while True:
        try:
            with _open(csv, importing, cancel) as source:
                feed = _look_into(source, types, cancel)
                table = _new_map(feed, engine, seed)
                if rows > 0:
                    _FirstRows(table, feed, asked=asked, rows=rows, cancel=cancel).run(progress)
                return table
        except MisfitError as misfit:
            types = misfit.wider


def _open(csv: str, importing: Importing, cancel: CancelToken) -> TraceSource:
    from adhash.workloads.sources import open_trace

    return open_trace(
        csv, hashed=False, should_stop=lambda: cancel.is_cancelled, importing=importing
    )


def _look_into(source: TraceSource, types: TableTypes, cancel: CancelToken) -> Feed:
    return Feed(
        source,
        asked=types,
        infer=NativeMachinery().infer_types,
        clock=SystemClock(),
        is_stopped=lambda: cancel.is_cancelled,
    )


def _new_map(feed: Feed, engine: str, seed: int | None) -> Map[Any, Any]:
    return Map(engine=engine, key=feed.types.key, value=feed.types.value, seed=seed)


class _FirstRows:
    """Feeds a native replay with no more than some rows."""

    def __init__(
        self,
        table: Map[Any, Any],
        feed: Feed,
        *,
        asked: TableTypes,
        rows: int,
        cancel: CancelToken,
    ) -> None:
        from adhash import _native

        self._feed = feed
        self._asked = asked
        self._rows = rows
        self._cancel = cancel
        self._given = 0
        self._driver = _native.Replay(
            table,
            sample_every=0,
            rate=0.0,
            verify=False,
            max_rows=rows,
            max_line_bytes=ReplaySettings().max_line_bytes,
            should_stop=lambda: cancel.is_cancelled,
        )

    def run(self, progress: WorkCallback) -> None:
        for _ in self._feed.into_driver(cast("Driver", self)):
            self._work_off()
            progress(WorkProgress(done=self._done, total=self._rows, unit="operations"))
            if self._done >= self._rows:
                return
        require_some_rows(self._done, file=self._feed.source.name)

    @property
    def _done(self) -> int:
        return self._driver.counters()["rows"]

    def _work_off(self) -> None:
        while not self._cancel.is_cancelled:
            if self._advance():
                return
        raise InterruptedRunError(f"interrupted after {self._done:,} operations")

    def _advance(self) -> bool:
        from adhash import _native

        try:
            return self._driver.advance(_BUDGET_NS)
        except _native.TraceFault as native:
            if self._done >= self._rows:  # the fault is behind what was asked for
                return True
            raise explain_fault(
                Fault.of(native),
                source=self._feed.source,
                asked=self._asked,
                used=self._feed.types,
                is_bound=False,
            ) from None

    # What a feed gives a driver.

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        self._driver.feed_csv(block, last)

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        wanted = self._rows - self._given
        self._given += len(ops)
        self._driver.feed_columns(ops[:wanted], _first(keys, wanted), _first(values, wanted))


def _first(column: Any, rows: int) -> Any:
    if not isinstance(column, tuple):
        return column[:rows]
    offsets, data = column
    return offsets[: rows + 1], data
