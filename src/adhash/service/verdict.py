"""What the end of an attempt means: pure judgement of what the runner saw."""

from __future__ import annotations

import signal as signals
from dataclasses import dataclass

from adhash.service.attempts import AttemptPhase
from adhash.service.lifecycle import JobError
from adhash.service.outcomes import CODE_OF_EXIT, WorkReport, out_of_memory
from adhash.service.stopping import StopReason

_FAULTS = (
    *(signals.SIGSEGV, signals.SIGBUS, signals.SIGILL, signals.SIGFPE),
    signals.SIGABRT,
)
_WORTH_ANOTHER = ("killed", "runner_lost")


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What the runner saw of the end: the work's own report, its status, and why it was stopped.

    `oom_kills` counts the processes that the kernel ended for want of memory meanwhile, on the
    whole machine.
    """

    report: WorkReport | None
    exit_code: int | None = None
    signal: int | None = None
    stop: StopReason | None = None
    timeout_s: float = 0.0
    oom_kills: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What that means for the attempt."""

    phase: AttemptPhase
    error: JobError | None = None
    is_retryable: bool = False


def judge(ending: Ending) -> Verdict:
    """Return what an ending means; work that completed has completed, whoever called it off.

    Parameters
    ----------
    ending : Ending
        What the runner saw.

    Returns
    -------
    Verdict
        Succeeded without an error, or failed or stopped with one.
    """
    report = ending.report
    if ending.exit_code == 0 and report is not None and report.error is None:
        return Verdict(phase=AttemptPhase.SUCCEEDED)
    if ending.stop is StopReason.CANCELLED:
        error = JobError(code="interrupted", detail="the job was cancelled")
        return Verdict(phase=AttemptPhase.STOPPED, error=error)
    if ending.stop is not None:
        return _failed(_error_of_stop(ending.stop, ending.timeout_s))
    if report is not None and report.error is not None:
        return _failed(report.error, is_retryable=report.is_retryable)
    return _failed(_error_of_status(ending))


def _failed(error: JobError, *, is_retryable: bool = False) -> Verdict:
    return Verdict(
        phase=AttemptPhase.FAILED,
        error=error,
        is_retryable=is_retryable or error.code in _WORTH_ANOTHER,
    )


def _error_of_stop(stop: StopReason, timeout_s: float) -> JobError:
    if stop is StopReason.TIMED_OUT:
        detail = f"the job ran longer than timeout_s = {timeout_s:g}"
        hint = "give it more time, or less to do"
        return JobError(code="timed_out", detail=detail, hint=hint)
    return JobError(code="killed", detail="the runner was asked to end (SIGTERM), as by a shutdown")


def _error_of_status(ending: Ending) -> JobError:
    """Return why a process ended that said nothing itself."""
    if ending.signal is None:
        code = CODE_OF_EXIT.get(ending.exit_code or 0, "crashed")
        detail = f"the work ended with exit code {ending.exit_code} and no word"
        return JobError(code=code, detail=detail)
    name = _signal_name(ending.signal)
    if ending.signal == signals.SIGKILL and ending.oom_kills:
        return out_of_memory("the kernel ended the work, because memory ran out")
    if ending.signal == signals.SIGSYS:
        return JobError(code="policy", detail="the work made a system call that it may not make")
    if ending.signal in _FAULTS:
        hint = "this is a fault of adhash: the log of standard error says where"
        return JobError(code="crashed", detail=f"the work was ended by {name}", hint=hint)
    return JobError(code="killed", detail=f"the work was ended by {name} from outside")


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
