"""Giving a trace to what consumes it, block by block, whatever its format is.

A feed is an iterator of steps. After each step the consumer works off what it was given; a step
may also have given nothing, when a pipe was silent, so that the caller can look around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from adhash.clock import NS_PER_S, Clock
from adhash.errors import BadInputError
from adhash.metrics.ticks import OPERATIONS
from adhash.replay.table_types import AUTO, TableTypes

if TYPE_CHECKING:
    from adhash.config_models import ReplaySettings
    from adhash.replay.machinery import Checker
    from adhash.workloads.column_source import ColumnSource
    from adhash.workloads.csv_source import CsvSource
    from adhash.workloads.sources import TraceSource

# A pipe cannot be read again, so its types are inferred from this much of it, if it comes in time.
_PIPE_LOOK_BYTES = 64 * 1024
_PIPE_LOOK_S = 1.0


class TakesTrace(Protocol):
    """What a trace can be given to: a driver, or whatever else wants its operations."""

    def feed_csv(self, block: Any, last: bool) -> None:  # noqa: FBT001 - as the native class
        """Take the next bytes of a CSV trace."""
        ...

    def feed_columns(self, ops: Any, keys: Any, values: Any) -> None:
        """Take the next operations."""
        ...


class InferTypes(Protocol):
    """Tells the types of keys and values from the beginning of a CSV trace."""

    def __call__(self, block: Any, *, is_whole: bool) -> tuple[str, str]: ...


class Feed:
    """A trace of known types, ready to be given to a driver or a checker.

    Parameters
    ----------
    source : CsvSource or ColumnSource
        The trace, not yet read.
    asked : TableTypes
        The types that were asked for; ``auto`` is decided here.
    infer : callable
        Tells types from the beginning of a CSV trace.
    clock : Clock
        Limits how long a pipe is looked at.
    is_stopped : callable
        Whether to stop waiting for the beginning.

    Raises
    ------
    BadInputError
        If the trace has columns of other types than those asked for.
    AdhashError
        As the source raises.
    """

    def __init__(
        self,
        source: TraceSource,
        *,
        asked: TableTypes,
        infer: InferTypes,
        clock: Clock,
        is_stopped: Callable[[], bool],
    ) -> None:
        self.source = source
        if source.format == "csv":
            blocks = source.blocks()
            start = _look(source, blocks, clock, is_stopped)
            self._blocks: Iterator[Any] = chain([start.content], blocks)
            self.types = _csv_types(start, asked, infer)
        elif source.format == "imported":
            # Values are made to order: of either type.
            self.types = asked.filled_from(TableTypes(key=source.key_type, value="bytes"))
            self._blocks = source.blocks(
                key_type=cast("Any", self.types.key), value_type=cast("Any", self.types.value)
            )
        else:
            self.types = _column_types(source, asked)
            self._blocks = source.blocks(key_type=cast("Any", self.types.key))

    def into_driver(self, driver: TakesTrace) -> Iterator[None]:
        """Give the trace to a driver, a block a step."""
        if self.source.format == "csv":
            yield from self._csv_into(driver)
            return
        for block in self._blocks:
            driver.feed_columns(block.ops, block.keys, block.values)
            yield

    def into_checker(self, checker: Checker) -> Iterator[None]:
        """Give a CSV trace to a checker, a block a step."""
        yield from self._csv_into(checker)

    def count_columns(self) -> Iterator[dict[str, int]]:
        """Yield the operations of each block of columns, by type."""
        for block in self._blocks:
            codes = np.bincount(block.ops, minlength=len(OPERATIONS))
            yield {name: int(codes[code]) for code, name in enumerate(OPERATIONS)}

    def _csv_into(self, consumer: TakesTrace | Checker) -> Iterator[None]:
        for block in self._blocks:
            if block:
                consumer.feed_csv(block, False)  # noqa: FBT003 - as the native class
            yield
        consumer.feed_csv(b"", True)  # noqa: FBT003
        yield


@contextmanager
def open_feed(
    trace: str,
    *,
    settings: ReplaySettings,
    types: TableTypes,
    block_bytes: int,
    infer: InferTypes,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> Iterator[Feed]:
    """Open a trace that is read for its own sake, and not replayed.

    Parameters
    ----------
    trace : str
        As for `adhash.workloads.sources.open_trace`.
    settings : ReplaySettings
        Limits, and how foreign traces are read.
    types : TableTypes
        Of keys and values; ``auto`` is decided by the beginning of the trace.
    block_bytes : int
        How much of a CSV trace is read at a time.
    infer : callable
        Tells types from the beginning of a CSV trace.
    clock : Clock
        Limits how long a pipe is looked at.
    is_stopped : callable
        Whether to stop; asked while a pipe is silent.

    Yields
    ------
    Feed
        Not yet read.

    Raises
    ------
    AdhashError
        If the trace cannot be opened, or is not of the types asked for.
    """
    from adhash.workloads.importing import Importing
    from adhash.workloads.sources import open_trace

    with open_trace(
        trace,
        block_bytes=block_bytes,
        max_bytes=settings.csv_max_bytes,
        should_stop=is_stopped,
        importing=Importing.of(settings),
    ) as source:
        yield Feed(source, asked=types, infer=infer, clock=clock, is_stopped=is_stopped)


@dataclass(frozen=True, kw_only=True)
class _Start:
    """The beginning of a CSV trace; the whole of it if the trace is short."""

    content: bytes | memoryview
    is_whole: bool


def _look(
    source: CsvSource,
    blocks: Iterator[memoryview],
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> _Start:
    """Read the beginning: one block of a file, some blocks of a pipe that brings little ones."""
    content = b""
    deadline_ns: int | None = None
    for block in blocks:
        if block and source.reopenable:
            return _Start(content=block, is_whole=False)
        content += block
        if deadline_ns is None and content:
            deadline_ns = clock.monotonic_ns() + round(_PIPE_LOOK_S * NS_PER_S)
        is_late = deadline_ns is not None and clock.monotonic_ns() >= deadline_ns
        if is_late or is_stopped() or len(content) >= _PIPE_LOOK_BYTES:
            return _Start(content=content, is_whole=False)
    return _Start(content=content, is_whole=True)


def _csv_types(start: _Start, asked: TableTypes, infer: InferTypes) -> TableTypes:
    if AUTO not in (asked.key, asked.value):
        return asked
    key, value = infer(start.content, is_whole=start.is_whole)
    return asked.filled_from(TableTypes(key=key, value=value))


def _column_types(source: ColumnSource, asked: TableTypes) -> TableTypes:
    if asked.value not in (AUTO, source.value_type):
        raise BadInputError(
            f"the values of {source.name} are {source.value_type}, not {asked.value}",
            hint="leave out --value-type",
        )
    return asked.filled_from(TableTypes(key=source.key_type, value=source.value_type))
