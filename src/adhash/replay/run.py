"""Replaying a trace: the functions behind ``adhash run-csv``."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.config_models import Settings
from adhash.errors import BadInputError, InvariantError
from adhash.replay.execution import Surroundings, execute
from adhash.replay.machinery import NativeMachinery
from adhash.replay.outputs import Announce, TickCallback, announce_on_stderr
from adhash.replay.plan import PathLike, Plan, ReplayOptions, make_plan
from adhash.replay.progress import ProgressCallback, ignore_progress
from adhash.replay.summary import Summary

if TYPE_CHECKING:
    from typing import Unpack


def run_csv(
    csv: PathLike,
    *,
    mode: str | None = None,
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    announce: Announce | None = None,
    **options: Unpack[ReplayOptions],
) -> Summary:
    """Replay a trace on one engine and return what it did.

    On Linux this sets the mark of the process's peak memory (VmHWM) back to what it holds, so that
    ``peak_rss_bytes`` is that of the run.

    Parameters
    ----------
    csv : str or PathLike
        The trace: CSV, Parquet or Arrow IPC, plain or as gz, zst or xz; ``"-"`` for standard input.
    mode : str or None
        ``adaptive``, ``fast-insert``, ``fast-lookup`` or an engine's name; None takes the one of
        the settings, which is ``adaptive`` by default.
    settings : Settings or None
        The settings that the options change. None reads them from the option ``preset``, the file
        of the option ``config`` and the environment, in this order.
    environ : mapping or None
        The environment to read settings from; None is that of the process.
    progress : callable or None
        Called with a `Progress` about ten times a second, in the thread of the caller.
    cancel : CancelToken or None
        Ends the run early; the summary then says ``cancelled``.
    announce : callable or None
        Called with a line of text that names the address of the live endpoint; None prints it on
        standard error.
    **options
        By the names of the command line's options, see `ReplayOptions`: ``key_type``,
        ``value_type``, ``rate`` (operations a second), ``verify``, ``seed``, ``dry_run``,
        ``csv_max_rows``, ``csv_max_bytes``, ``snapshot_in``, ``snapshot_out``, ``compress``,
        ``compact_interval`` (seconds), ``json_summary_out``, ``metrics_out_dir``,
        ``metrics_max_ticks``, ``metrics_host``, ``metrics_port``, ``latency_sample_every``,
        ``latency_buckets`` (milliseconds), ``config``, ``preset``.

    Returns
    -------
    Summary
        What the engine did.

    Raises
    ------
    BadInputError
        If an option is wrong; TraceError if the trace is.
    InvariantError
        If ``verify`` found a wrong answer. Summary, ticks and snapshot have been written.
    PolicyError
        If the trace is larger than allowed.
    StorageError
        If something cannot be read or written, or the port is in use.
    """
    plan = plan_run(csv, mode=mode, settings=settings, environ=environ, options=options)
    if len(plan.modes) != 1:
        raise BadInputError(
            f"run_csv runs one mode; got {len(plan.modes)}", hint="use run_modes for several"
        )
    (summary,) = run_plan(plan, progress=progress, cancel=cancel, announce=announce)
    require_verified([summary])
    return summary


def run_modes(
    csv: PathLike,
    *,
    mode: str | Sequence[str] | None = "all",
    settings: Settings | None = None,
    environ: Mapping[str, str] | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    announce: Announce | None = None,
    **options: Unpack[ReplayOptions],
) -> list[Summary]:
    """Replay a trace on several engines, one after another in this process, with the same seed.

    All options are checked before the first engine runs. Memory that one engine gave back may
    serve the next without new page faults, and ``peak_rss_bytes`` is that of one mode only where
    the system can reset it (Linux): for figures of memory and of cold starts run each mode in a
    process of its own.

    Parameters
    ----------
    csv : str or PathLike
        The trace, see `run_csv`; not standard input, which can be read only once.
    mode : str, sequence of str, or None
        The modes, in order; ``"all"`` is every engine of this build; None takes those of the
        settings.
    settings : Settings or None
        See `run_csv`.
    environ : mapping or None
        See `run_csv`.
    progress : callable or None
        See `run_csv`.
    cancel : CancelToken or None
        See `run_csv`.
    announce : callable or None
        See `run_csv`.
    **options
        See `run_csv`; ``snapshot_out`` goes with one mode only.

    Returns
    -------
    list of Summary
        One a mode, in order; after a cancellation the last says ``cancelled`` and those of later
        modes are missing.

    Raises
    ------
    AdhashError
        As `run_csv`.
    """
    plan = plan_run(csv, mode=mode, settings=settings, environ=environ, options=options)
    summaries = run_plan(plan, progress=progress, cancel=cancel, announce=announce)
    require_verified(summaries)
    return summaries


def plan_run(
    csv: PathLike,
    *,
    mode: str | Sequence[str] | None,
    settings: Settings | None,
    environ: Mapping[str, str] | None,
    options: ReplayOptions,
) -> Plan:
    """Return the plan of a call of `run_modes`, checked.

    Parameters
    ----------
    csv : str or PathLike
        See `run_csv`.
    mode : str, sequence of str, or None
        See `run_modes`.
    settings : Settings or None
        See `run_csv`.
    environ : mapping or None
        See `run_csv`.
    options : ReplayOptions
        See `run_csv`.

    Returns
    -------
    Plan
        For `run_plan`.

    Raises
    ------
    AdhashError
        If it cannot be carried out.
    """
    return make_plan(
        csv,
        mode=mode,
        options=options,
        settings=settings,
        environ=os.environ if environ is None else environ,
        engines=NativeMachinery().engines,
    )


def run_plan(
    plan: Plan,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    announce: Announce | None = None,
    on_tick: TickCallback | None = None,
    ends_with_process: bool = False,
) -> list[Summary]:
    """Carry out a plan on the native engines; wrong answers are left for `require_verified`.

    Parameters
    ----------
    plan : Plan
        From `plan_run`.
    progress : callable or None
        See `run_csv`.
    cancel : CancelToken or None
        See `run_csv`.
    announce : callable or None
        See `run_csv`.
    on_tick : callable or None
        Called with each tick, in the thread of the caller.
    ends_with_process : bool
        Whether the process ends with the run. The memory of the last mode is then left to the
        system, which takes it back at once; to free millions of nodes takes seconds. So is work
        that cannot be stopped, when the run is cancelled: a rehash of ``std``.

    Returns
    -------
    list of Summary
        As `run_modes`.

    Raises
    ------
    AdhashError
        As `run_csv`, but for wrong answers.
    """
    around = Surroundings(
        machinery=NativeMachinery(),
        clock=SystemClock(),
        # 53 bits survive readers of the summary that know only floating-point numbers.
        new_seed=lambda: secrets.randbits(53),
        cancel=cancel or CancelToken(),
        progress=progress or ignore_progress,
        announce=announce or announce_on_stderr,
        on_tick=on_tick,
        ends_with_process=ends_with_process,
    )
    return execute(plan, around)


def require_verified(summaries: Sequence[Summary]) -> None:
    """Refuse summaries of runs whose answers were checked and found wrong.

    Parameters
    ----------
    summaries : sequence of Summary
        Of any runs.

    Raises
    ------
    InvariantError
        If there is one.
    """
    wrong = [
        f"{summary.mode}: {summary.verified.mismatches} of {summary.verified.checked}"
        for summary in summaries
        if summary.verified is not None and summary.verified.mismatches
    ]
    if wrong:
        raise InvariantError(
            f"answers differ from the reference model ({', '.join(wrong)})",
            hint="this is a fault of adhash: please report it with the trace and the seed",
        )
