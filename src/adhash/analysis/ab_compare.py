"""Comparing two configurations on one trace: the functions behind ``adhash ab-compare``.

Runs come in pairs, one of each side, right after the other and in random order, so that whatever
changes slowly (temperature, neighbours, caches of the disk) hits both alike. Each run is a process
of its own, so that no memory, no page fault and no table is inherited from the one before. Both
runs of a pair take the same seed of the hash, each pair another: a verdict on one lucky hash
function would not be one on the configuration.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from adhash.analysis.ab_builds import find_interpreters
from adhash.analysis.ab_course import compare
from adhash.analysis.ab_plan import plan_comparison
from adhash.analysis.ab_result import AbCompareResult
from adhash.analysis.ab_runs import processes
from adhash.analysis.ab_self_test import self_test
from adhash.analysis.ab_self_test_result import AbSelfTestResult
from adhash.analysis.child_run import usable_core
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.errors import InvariantError
from adhash.options.ab_compare import AbCompareOptions, LocalAbCompareOptions
from adhash.options.base import read_options
from adhash.progress import WorkCallback, ignore_work
from adhash.replay.folders import prepared_folders


def ab_compare(
    csv: str | os.PathLike[str] | None = None,
    *,
    a: Mapping[str, object] | str,
    b: Mapping[str, object] | str,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> AbCompareResult:
    """Compare two configurations on a trace.

    Parameters
    ----------
    csv : path-like or None
        The trace; None with the option ``sample``.
    a : mapping or str
        The baseline: settings by dotted name, ``mode`` for ``replay.mode``; or ``"mode=swiss"``.
    b : mapping or str
        The candidate, likewise.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends the comparison early, with the process that runs.
    **options
        The fields of `adhash.options.ab_compare.LocalAbCompareOptions`: ``metric``, ``min_pairs``,
        ``max_pairs``, ``budget_s``, ``confidence``, ``min_effect``, ``replays``, ``seed``,
        ``json_out``, ``a_python`` and ``b_python`` (a Python with another build), ...

    Returns
    -------
    AbCompareResult
        The verdict and what it rests on.

    Raises
    ------
    AdhashError
        As `run_ab_compare`.
    """
    given = {**options, "csv": None if csv is None else os.fspath(csv), "a": a, "b": b}
    return run_ab_compare(
        read_options(LocalAbCompareOptions, given), progress=progress, cancel=cancel
    )


def ab_self_test(
    csv: str | os.PathLike[str] | None = None,
    *,
    a: Mapping[str, object] | str | None = None,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> AbSelfTestResult:
    """Find out how often comparisons are right on this machine.

    Parameters
    ----------
    csv : path-like or None
        The trace; None with the option ``sample``.
    a : mapping or str or None
        The configuration, as for `ab_compare`; None for the defaults.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends it early, with the process that runs.
    **options
        As for `ab_compare`, and ``self_test_pairs``.

    Returns
    -------
    AbSelfTestResult
        How often the verdicts were right.

    Raises
    ------
    AdhashError
        As `run_self_test`.
    """
    trace = None if csv is None else os.fspath(csv)
    given = {**options, "csv": trace, "a": a, "self_test": True}
    return run_self_test(
        read_options(LocalAbCompareOptions, given), progress=progress, cancel=cancel
    )


def run_ab_compare(
    options: AbCompareOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> AbCompareResult:
    """Compare two configurations on a trace.

    Parameters
    ----------
    options : AbCompareOptions
        What to compare, and how sure the verdict shall be. `fail_if_worse` is for the caller: see
        `require_not_worse`.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends the comparison early, with the process that runs.

    Returns
    -------
    AbCompareResult
        The verdict and what it rests on; written to ``json_out`` as well.

    Raises
    ------
    BadInputError
        If a configuration or the trace is wrong, or the metric is not there to be compared.
    InvariantError
        If the two sides gave different answers.
    InterruptedRunError
        If `cancel` was set.
    StorageError
        If something cannot be read, written or started, or a run was killed.
    """
    return _carry_out(options, compare, progress=progress, cancel=cancel)


def run_self_test(
    options: AbCompareOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> AbSelfTestResult:
    """Find out how often comparisons are right on this machine.

    Parameters
    ----------
    options : AbCompareOptions
        The trace, the configuration ``a``, and how a comparison is decided. With a budget it takes
        as many pairs as fit into it.
    progress : callable or None
        Told before every run how many pairs there are.
    cancel : CancelToken or None
        Ends it early, with the process that runs.

    Returns
    -------
    AbSelfTestResult
        How often the verdicts were right; written to ``json_out`` as well.

    Raises
    ------
    AdhashError
        As `run_ab_compare`.
    """
    return _carry_out(options, self_test, progress=progress, cancel=cancel)


_Result = TypeVar("_Result", AbCompareResult, AbSelfTestResult)


def _carry_out(
    options: AbCompareOptions,
    course: Callable[..., _Result],
    *,
    progress: WorkCallback | None,
    cancel: CancelToken | None,
) -> _Result:
    """Do what a comparison and a self-test have in common: builds, processes, the result's file."""
    token, clock = cancel or CancelToken(), SystemClock()
    out = None if options.json_out is None else Path(options.json_out)
    with prepared_folders([] if out is None else [out.absolute().parent]):
        environ = dict(os.environ)
        interpreters = find_interpreters(options, environ=environ, clock=clock, cancel=token)
        plan = plan_comparison(options, environ=environ, interpreters=interpreters)
        core = usable_core()
        with processes(plan.csv, environ=environ, core=core, clock=clock, cancel=token) as run_side:
            result = course(
                plan,
                run_side,
                core=core,
                clock=clock,
                cancel=token,
                progress=progress or ignore_work,
            )
        if out is not None:
            replace_text(out, result.to_json(indent=2) + "\n")
    return result


def require_not_worse(result: AbCompareResult) -> None:
    """Refuse a candidate that is worse.

    Parameters
    ----------
    result : AbCompareResult
        Of any comparison.

    Raises
    ------
    InvariantError
        If its verdict is ``worse``.
    """
    if result.verdict == "worse":
        raise InvariantError(f"b is worse than a: {result.reason}")
