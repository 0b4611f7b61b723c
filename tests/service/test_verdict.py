"""What the end of an attempt means, for every way in which it can end."""

from __future__ import annotations

import pytest

from adhash.service.attempts import AttemptPhase
from adhash.service.lifecycle import JobError
from adhash.service.outcomes import CODES, WorkReport
from adhash.service.stopping import StopReason
from adhash.service.verdict import Ending, judge

DONE = WorkReport(result={"done": 1})
REFUSED = WorkReport(error=JobError(code="bad_input", detail="a bad trace"))


def test_a_result_and_exit_code_0_is_success() -> None:
    verdict = judge(Ending(report=DONE, exit_code=0))
    assert verdict.phase is AttemptPhase.SUCCEEDED
    assert verdict.error is None


@pytest.mark.parametrize("stop", list(StopReason))
def test_work_that_completed_has_completed_whoever_called_it_off(stop: StopReason) -> None:
    assert judge(Ending(report=DONE, exit_code=0, stop=stop)).phase is AttemptPhase.SUCCEEDED


@pytest.mark.parametrize("report", [None, REFUSED])
@pytest.mark.parametrize(
    ("stop", "phase", "code", "is_retryable"),
    [
        (StopReason.CANCELLED, AttemptPhase.STOPPED, "interrupted", False),
        (StopReason.TIMED_OUT, AttemptPhase.FAILED, "timed_out", False),
        (StopReason.ENDED_FROM_OUTSIDE, AttemptPhase.FAILED, "killed", True),
    ],
)
def test_work_that_was_stopped_is_told_by_the_reason(
    report: WorkReport | None,
    stop: StopReason,
    phase: AttemptPhase,
    code: str,
    is_retryable: bool,
) -> None:
    verdict = judge(Ending(report=report, signal=15, stop=stop, timeout_s=3))
    assert verdict.error is not None
    assert (verdict.phase, verdict.error.code) == (phase, code)
    assert verdict.is_retryable is is_retryable


def test_the_error_of_the_work_is_told_as_it_said_it() -> None:
    verdict = judge(Ending(report=REFUSED, exit_code=2))
    assert verdict.phase is AttemptPhase.FAILED
    assert verdict.error is REFUSED.error


def test_a_result_with_another_end_is_no_success() -> None:
    assert judge(Ending(report=DONE, signal=11)).phase is AttemptPhase.FAILED
    assert judge(Ending(report=DONE, exit_code=1)).phase is AttemptPhase.FAILED


@pytest.mark.parametrize(
    ("exit_code", "signal", "oom_kills", "code"),
    [
        (7, None, 0, "crashed"),
        (0, None, 0, "crashed"),
        (5, None, 0, "io"),
        (None, 9, 0, "killed"),
        (None, 9, 1, "out_of_memory"),
        (None, 15, 1, "killed"),
        (None, 11, 0, "crashed"),
        (None, 6, 0, "crashed"),
        (None, 31, 0, "policy"),
        (None, 44, 0, "killed"),
    ],
)
def test_an_end_without_a_word_is_told_by_its_status(
    exit_code: int | None, signal: int | None, oom_kills: int, code: str
) -> None:
    ending = Ending(report=None, exit_code=exit_code, signal=signal, oom_kills=oom_kills)
    error = judge(ending).error
    assert error is not None
    assert error.code == code
    assert code in CODES
