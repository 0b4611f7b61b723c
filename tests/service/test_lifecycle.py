"""The table of what may become of a job."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhash.service.lifecycle import (
    AttemptFailed,
    AttemptLost,
    AttemptNeverStarted,
    AttemptStarted,
    AttemptStopped,
    AttemptSucceeded,
    CancelRequested,
    Fact,
    IllegalTransitionError,
    JobError,
    JobState,
    PublishAttempt,
    StartAttempt,
    Status,
    StopAttempt,
    step,
)

LOST = JobError(code="runner_lost", detail="the runner vanished")
RUNNING = JobState(status=Status.RUNNING, attempt=1)


def test_a_free_slot_starts_the_first_attempt() -> None:
    following = step(JobState(), AttemptStarted(attempt=1))
    assert following.state.status is Status.RUNNING
    assert following.instructions == (StartAttempt(attempt=1),)


@pytest.mark.parametrize("attempt", [0, 2, 7])
def test_an_attempt_starts_only_after_the_one_before_it(attempt: int) -> None:
    with pytest.raises(IllegalTransitionError):
        step(JobState(), AttemptStarted(attempt=attempt))


def test_success_completes_and_publishes() -> None:
    following = step(RUNNING, AttemptSucceeded(attempt=1))
    assert following.state.status is Status.COMPLETED
    assert following.instructions == (PublishAttempt(attempt=1),)


def test_a_failure_keeps_its_error() -> None:
    error = JobError(code="bad_input", detail="line 3")
    following = step(RUNNING, AttemptFailed(attempt=1, error=error))
    assert following.state.status is Status.FAILED
    assert following.state.error == error


def test_a_lost_runner_is_retried_while_retries_are_left() -> None:
    state = replace(RUNNING, retries_left=1)
    again = step(state, AttemptLost(attempt=1, error=LOST))
    assert again.state.status is Status.PENDING
    assert again.state.retries_left == 0
    second = step(again.state, AttemptStarted(attempt=2))
    ended = step(second.state, AttemptLost(attempt=2, error=LOST))
    assert ended.state.status is Status.FAILED


def test_a_failure_of_the_work_itself_is_not_retried() -> None:
    state = replace(RUNNING, retries_left=3)
    error = JobError(code="bad_input", detail="line 3")
    assert step(state, AttemptFailed(attempt=1, error=error)).state.status is Status.FAILED


def test_cancelling_a_waiting_job_is_immediate() -> None:
    following = step(JobState(), CancelRequested(reason="by ci"))
    assert following.state.status is Status.CANCELLED
    assert following.reason == "by ci"


def test_cancelling_a_running_job_waits_for_its_processes() -> None:
    asked = step(RUNNING, CancelRequested())
    assert asked.state.status is Status.RUNNING
    assert asked.instructions == (StopAttempt(attempt=1),)
    assert step(asked.state, AttemptStopped(attempt=1)).state.status is Status.CANCELLED


def test_a_job_that_completes_before_it_could_be_stopped_has_completed() -> None:
    asked = step(RUNNING, CancelRequested()).state
    assert step(asked, AttemptSucceeded(attempt=1)).state.status is Status.COMPLETED


def test_a_lost_runner_of_a_cancelled_job_is_not_retried() -> None:
    state = replace(RUNNING, retries_left=3, is_cancel_requested=True)
    assert step(state, AttemptLost(attempt=1, error=LOST)).state.status is Status.CANCELLED


def test_an_attempt_is_not_stopped_without_a_wish() -> None:
    with pytest.raises(IllegalTransitionError):
        step(RUNNING, AttemptStopped(attempt=1))


def test_a_runner_that_never_started_gives_the_job_back() -> None:
    following = step(RUNNING, AttemptNeverStarted(attempt=1, reason="no process"))
    assert following.state.status is Status.PENDING
    assert step(following.state, AttemptStarted(attempt=2)).state.attempt == 2


def facts_of(attempt: int) -> list[Fact]:
    return [
        AttemptSucceeded(attempt=attempt),
        AttemptFailed(attempt=attempt, error=LOST),
        AttemptLost(attempt=attempt, error=LOST),
        AttemptStopped(attempt=attempt),
        AttemptNeverStarted(attempt=attempt, reason=""),
    ]


@pytest.mark.parametrize("fact", facts_of(1), ids=lambda fact: type(fact).__name__)
def test_no_fact_of_a_former_attempt_is_accepted(fact: Fact) -> None:
    second = replace(RUNNING, attempt=2, is_cancel_requested=True)
    with pytest.raises(IllegalTransitionError):
        step(second, fact)


TERMINAL = [Status.COMPLETED, Status.FAILED, Status.CANCELLED]


@pytest.mark.parametrize(
    ("status", "fact"), list(itertools.product(TERMINAL, [*facts_of(1), AttemptStarted(attempt=2)]))
)
def test_nothing_follows_a_terminal_status(status: Status, fact: Fact) -> None:
    with pytest.raises(IllegalTransitionError):
        step(replace(RUNNING, status=status), fact)


@pytest.mark.parametrize("status", TERMINAL)
def test_cancelling_an_ended_job_changes_nothing(status: Status) -> None:
    state = replace(RUNNING, status=status)
    following = step(state, CancelRequested())
    assert following.state == state
    assert following.instructions == ()


ANY_FACT = st.one_of(
    st.integers(0, 4).map(lambda number: AttemptStarted(attempt=number)),
    st.integers(0, 4).flatmap(lambda number: st.sampled_from(facts_of(number))),
    st.just(CancelRequested()),
)


@given(facts=st.lists(ANY_FACT, max_size=30), retries=st.integers(0, 3))
def test_any_history_publishes_at_most_once_and_never_goes_back(
    facts: list[Fact], retries: int
) -> None:
    state = JobState(retries_left=retries)
    published = 0
    starts = 0
    for fact in facts:
        before = state
        try:
            following = step(state, fact)
        except IllegalTransitionError:
            continue
        state = following.state
        published += sum(isinstance(each, PublishAttempt) for each in following.instructions)
        starts += sum(isinstance(each, StartAttempt) for each in following.instructions)
        assert state.attempt == starts
        assert not before.status.is_terminal or state == before
    assert published <= 1
