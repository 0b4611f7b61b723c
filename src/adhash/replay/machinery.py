"""The native module as the replay sees it: the operations it needs, by their contract.

The replay takes its machinery as an argument, so that its orchestration can be tested with one
that fails, drifts or stalls on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from adhash.config_models import AdaptiveSettings

if TYPE_CHECKING:
    from adhash.maps import MapStats
    from adhash.snapshots import Compression

Counters = dict[str, int]
ShouldStop = Callable[[], bool]


class Table(Protocol):
    """A map as far as a replay touches it."""

    @property
    def key_type(self) -> str:
        """The type of the keys."""
        ...

    @property
    def value_type(self) -> str:
        """The type of the values."""
        ...

    @property
    def seed(self) -> int:
        """The seed of the hash."""
        ...

    def reserve(self, entries: int) -> None:
        """Make room for so many entries, so that the table need not grow before."""
        ...

    def stats(self, probe_samples: int | None = None) -> MapStats:
        """Return the state of the table, with the probe lengths of so many of its entries."""
        ...

    def save(self, path: Path, compress: Compression | None = None) -> None:
        """Write the entries to a snapshot."""
        ...


class Driver(Protocol):
    """What runs operations on a table: the native ``Replay``."""

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        """Take the next bytes of a CSV trace."""
        ...

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        """Take the next operations."""
        ...

    def advance(self, budget_ns: int) -> bool:
        """Run for about a time, or until told to stop; return whether everything fed is done."""
        ...

    def compact(self) -> bool:
        """Give back what deletions left in the table; return False if told to stop before."""
        ...

    def release(self) -> bool:
        """Free the table, and end its use; return False if told to stop before that was done."""
        ...

    def abandon(self) -> None:
        """Leave the table to the end of the process, and end its use."""
        ...

    def counters(self) -> Counters:
        """Return what was counted so far."""
        ...

    def percentiles(self, op: str, quantiles: list[float]) -> Sequence[int]:
        """Return latencies in nanoseconds."""
        ...

    def latency_summary(self, op: str) -> dict[str, int]:
        """Return max (ns), samples and total."""
        ...

    def latency_counts(self, op: str, bounds_ns: list[int]) -> Sequence[int]:
        """Return operations by bucket, not cumulative, one more than bounds."""
        ...

    def pauses(self) -> Sequence[tuple[int, int, str]]:
        """Return the longest pauses: when (ns of the native clock), how long (ns), why."""
        ...


class Checker(Protocol):
    """What parses a CSV trace and executes nothing: the native ``CsvCheck``."""

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        """Take the next bytes of a CSV trace."""
        ...

    def is_finished(self) -> bool:
        """Return whether there is no point in going on: enough faults, or one that ends it all."""
        ...

    def rows(self) -> int:
        """Return the rows so far."""
        ...

    def counts(self) -> dict[str, int]:
        """Return the rows so far by operation."""
        ...

    def errors(self) -> Sequence[Any]:
        """Return the faults so far."""
        ...


class Machinery(Protocol):
    """Makes tables and what runs operations on them."""

    @property
    def fault_type(self) -> type[Exception]:
        """The exception that a faulty trace raises."""
        ...

    def engines(self) -> list[str]:
        """Return the engines of this build."""
        ...

    def isa(self) -> str:
        """Return the instruction set of the native code."""
        ...

    def steady_now_ns(self) -> int:
        """Return the native clock, by which pauses are dated, in nanoseconds."""
        ...

    def infer_types(self, block: Any, *, is_whole: bool) -> tuple[str, str]:
        """Return the key and value types that the first rows of a trace suggest."""
        ...

    def new_table(
        self, *, engine: str, key: str, value: str, seed: int, adaptive: AdaptiveSettings
    ) -> Table:
        """Return an empty table."""
        ...

    def load_table(self, path: Path, *, engine: str) -> Table:
        """Return a table with the entries, the seed and the settings of a snapshot."""
        ...

    def types_of_snapshot(self, path: Path) -> tuple[str, str]:
        """Return the types of the keys and values of a snapshot."""
        ...

    def new_driver(
        self,
        table: Table,
        *,
        sample_every: int,
        rate: float,
        verify: bool,
        max_line_bytes: int,
        should_stop: ShouldStop,
        leaves_work: bool = False,
    ) -> Driver:
        """Return what runs operations on a table and asks `should_stop` whether to go on.

        With `leaves_work` it leaves work that cannot be stopped to the end of the process.
        """
        ...

    def new_checker(self, *, key_type: str, value_type: str, max_line_bytes: int) -> Checker:
        """Return what checks a CSV trace."""
        ...


class NativeMachinery:
    """The native module itself."""

    def __init__(self) -> None:
        from adhash import _native

        # Held to the protocols of this module, not to the stub: tests give other machinery.
        self._native: Any = _native

    @property
    def fault_type(self) -> type[Exception]:
        """The exception that a faulty trace raises."""
        fault: type[Exception] = self._native.TraceFault
        return fault

    def engines(self) -> list[str]:
        """Return the engines of this build."""
        return list(self._native.engines())

    def isa(self) -> str:
        """Return the instruction set of the native code."""
        return str(self._native.isa())

    def steady_now_ns(self) -> int:
        """Return the native clock, by which pauses are dated, in nanoseconds."""
        return int(self._native.steady_now_ns())

    def infer_types(self, block: Any, *, is_whole: bool) -> tuple[str, str]:
        """Return the key and value types that the first rows of a trace suggest."""
        key, value = self._native.infer_types(block, is_whole)
        return key, value

    def new_table(
        self, *, engine: str, key: str, value: str, seed: int, adaptive: AdaptiveSettings
    ) -> Table:
        """Return an empty table."""
        from adhash.maps import Map

        settings = adaptive if engine == "adaptive" else None
        return Map(engine=engine, key=key, value=value, seed=seed, settings=settings)

    def load_table(self, path: Path, *, engine: str) -> Table:
        """Return a table with the entries, the seed and the settings of a snapshot."""
        from adhash.maps import Map

        return Map.load(path, engine=engine)

    def types_of_snapshot(self, path: Path) -> tuple[str, str]:
        """Return the types of the keys and values of a snapshot."""
        from adhash.snapshots import open_snapshot

        with open_snapshot(path) as snapshot:
            return snapshot.header.key_type, snapshot.header.value_type

    def new_driver(
        self,
        table: Table,
        *,
        sample_every: int,
        rate: float,
        verify: bool,
        max_line_bytes: int,
        should_stop: ShouldStop,
        leaves_work: bool = False,
    ) -> Driver:
        """Return what runs operations on a table and asks `should_stop` whether to go on."""
        driver: Driver = self._native.Replay(
            table,
            sample_every=sample_every,
            rate=rate,
            verify=verify,
            max_rows=0,
            max_line_bytes=max_line_bytes,
            should_stop=should_stop,
            leaves_work=leaves_work,
        )
        return driver

    def new_checker(self, *, key_type: str, value_type: str, max_line_bytes: int) -> Checker:
        """Return what checks a CSV trace."""
        checker: Checker = self._native.CsvCheck(
            key_type=key_type, value_type=value_type, max_rows=0, max_line_bytes=max_line_bytes
        )
        return checker
