"""The dry run: a trace read and checked to its end, with no operation executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adhash.errors import InterruptedRunError, TraceError
from adhash.metrics.ticks import OPERATIONS
from adhash.replay.feeding import Feed
from adhash.replay.machinery import Checker
from adhash.replay.session import Run, explain_fault, require_rows, require_some_rows
from adhash.replay.table_types import Fault, MisfitError, TableTypes

MAX_ERRORS = 20


@dataclass(frozen=True, kw_only=True)
class CheckedTrace:
    """What a dry run found in a trace without faults; in a part of it if it was cancelled."""

    is_complete: bool
    trace_format: str | None
    types: TableTypes
    counts: dict[str, int]
    sha256: str | None


def check_trace(run: Run) -> CheckedTrace:
    """Read a trace to its end and check every row.

    Parameters
    ----------
    run : Run
        The run.

    Returns
    -------
    CheckedTrace
        What was found.

    Raises
    ------
    TraceError
        If rows are wrong; the message lists up to 20 of them.
    PolicyError
        If the trace is longer than allowed.
    StorageError
        If it cannot be read.
    """
    types = _first_types(run)
    while True:
        try:
            return _check_once(run, types)
        except MisfitError as misfit:
            types = misfit.wider
        except InterruptedRunError:
            return CheckedTrace(
                is_complete=False,
                trace_format=None,
                types=types,
                counts=dict.fromkeys(OPERATIONS, 0),
                sha256=None,
            )


def _first_types(run: Run) -> TableTypes:
    path = run.plan.snapshot_in
    if path is None:
        return run.asked_types()
    key, value = run.machinery.types_of_snapshot(path)
    return run.asked_types().bound_to(TableTypes(key=key, value=value))


def _check_once(run: Run, types: TableTypes) -> CheckedTrace:
    with run.open_source() as source:
        feed = run.look_into(source, types)
        counts = _check_csv(run, feed) if source.format == "csv" else _check_columns(run, feed)
        return CheckedTrace(
            is_complete=not run.is_cancelled(),
            trace_format=source.format_name,
            types=feed.types,
            counts=counts,
            sha256=source.sha256(),
        )


def _check_csv(run: Run, feed: Feed) -> dict[str, int]:
    settings = run.plan.settings.replay
    checker = run.machinery.new_checker(
        key_type=feed.types.key,
        value_type=feed.types.value,
        max_line_bytes=settings.max_line_bytes,
    )
    for _ in feed.into_checker(checker):
        require_rows(checker.rows(), limit=settings.csv_max_rows, file=feed.source.name)
        if run.is_cancelled() or checker.is_finished():
            break
    _require_no_faults(run, feed, checker)
    if not run.is_cancelled():
        require_some_rows(checker.rows(), file=feed.source.name)
    return checker.counts()


def _require_no_faults(run: Run, feed: Feed, checker: Checker) -> None:
    faults = [Fault.of(native) for native in checker.errors()]
    errors = [
        explain_fault(
            fault,
            source=feed.source,
            asked=run.asked_types(),
            used=feed.types,
            is_bound=run.plan.snapshot_in is not None,
        )
        for fault in faults
    ]
    for error in errors:
        # Types that were only inferred are no fault of the trace: a replay would start over.
        if isinstance(error, MisfitError):
            raise error
    if faults:
        raise _all_at_once(feed.source.name, faults, errors)


def _all_at_once(file: str, faults: Sequence[Fault], errors: Sequence[Exception]) -> TraceError:
    if len(faults) == 1 and isinstance(errors[0], TraceError):
        return errors[0]
    first = faults[0]
    count = f"at least {MAX_ERRORS}" if len(faults) >= MAX_ERRORS else str(len(faults))
    return TraceError(
        f"{file}: {count} rows are wrong: " + "; ".join(str(fault) for fault in faults),
        hint=first.remedy,
        file=file,
        line=first.line,
        column=first.column,
        value=first.value,
    )


def _check_columns(run: Run, feed: Feed) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(OPERATIONS, 0)
    for block in feed.count_columns():
        for name in OPERATIONS:
            counts[name] += block[name]
        require_rows(
            sum(counts.values()),
            limit=run.plan.settings.replay.csv_max_rows,
            file=feed.source.name,
        )
        if run.is_cancelled():
            break
    return counts
