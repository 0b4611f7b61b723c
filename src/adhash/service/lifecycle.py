"""What may become of a job: a pure state machine. Facts come in, instructions go out.

                 submit            start                 succeed
    (nothing) ----------> pending -------> running ----------------> completed
                             |  ^             |
                             |  +-- retry ----+---- fail, lose ----> failed
                             |                |
                             +---- cancel ----+--------------------> cancelled

Nothing here reads a clock, a file or a database: `step` takes the state and a fact that happened
and returns the next state with what is to be done about it. The store runs it inside the
transaction that records the fact, so that the table below is the only way a job ever moves. A fact
that the table does not know in a state raises `IllegalTransitionError` and changes nothing.

The attempt number is the fence. A fact of an attempt that is not the present one is refused, so an
attempt that was given up can neither finish the job nor publish anything.

Cancelling is a wish, not a state: a running job that was asked to stop stays ``running`` until no
process of it is left. If it completes in that moment it has completed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from adhash.errors import InvariantError


class Status(StrEnum):
    """Where a job is; the last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Return whether nothing can follow."""
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job failed: a stable code, what happened, what to do."""

    code: str
    detail: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class JobState:
    """What decides about a job's next move.

    `attempt` counts from 1 and is 0 before the first. `retries_left` is how many more attempts the
    request allows after one that was lost or failed in a way that another may not.
    """

    status: Status = Status.PENDING
    attempt: int = 0
    retries_left: int = 0
    is_cancel_requested: bool = False
    error: JobError | None = None


# --- facts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AttemptStarted:
    """The job was given a slot; `attempt` is one more than the last."""

    attempt: int
    reason: str = "a slot is free"


@dataclass(frozen=True, kw_only=True)
class AttemptSucceeded:
    """The runner ended in order and its result is whole."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class AttemptFailed:
    """The work ended with an error; `is_retryable` if another attempt might not."""

    attempt: int
    error: JobError
    is_retryable: bool = False


@dataclass(frozen=True, kw_only=True)
class AttemptLost:
    """The runner vanished without an outcome, and no process of it is left."""

    attempt: int
    error: JobError


@dataclass(frozen=True, kw_only=True)
class AttemptStopped:
    """The attempt was ended because the job was cancelled, and no process of it is left."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class AttemptNeverStarted:
    """A slot was given, but the runner never came to life: nothing ran."""

    attempt: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class CancelRequested:
    """Somebody asked for the end of the job."""

    reason: str = "cancelled by request"


Fact = (
    AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | AttemptLost
    | AttemptStopped
    | AttemptNeverStarted
    | CancelRequested
)


# --- instructions --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StartAttempt:
    """Start a runner with this fence."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class StopAttempt:
    """End every process of the attempt."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class PublishAttempt:
    """Make the artifacts and the result of the attempt those of the job."""

    attempt: int


Instruction = StartAttempt | StopAttempt | PublishAttempt


@dataclass(frozen=True, kw_only=True)
class Step:
    """The next state, why the job moved (empty if its status did not), and what to do."""

    state: JobState
    reason: str = ""
    instructions: tuple[Instruction, ...] = field(default=())


class IllegalTransitionError(InvariantError):
    """A fact cannot be true of a job in its state; the job is unchanged."""


# --- the table -----------------------------------------------------------------------------------


def step(state: JobState, fact: Fact) -> Step:
    """Return what follows from `fact` in `state`.

    Parameters
    ----------
    state : JobState
        Where the job is.
    fact : Fact
        What happened.

    Returns
    -------
    Step
        The next state, the reason of the move, and the instructions.

    Raises
    ------
    IllegalTransitionError
        If the fact cannot be true of a job in this state, or is of an attempt that was given up.
    """
    move = _MOVES.get((state.status, type(fact)))
    if move is None:
        raise IllegalTransitionError(
            f"{type(fact).__name__} cannot happen to a {state.status} job: {state}, {fact}"
        )
    return move(state, fact)


def _start(state: JobState, fact: AttemptStarted) -> Step:
    if state.is_cancel_requested or fact.attempt != state.attempt + 1:
        raise _stale(state, fact)
    following = replace(state, status=Status.RUNNING, attempt=fact.attempt, error=None)
    return Step(
        state=following,
        reason=fact.reason,
        instructions=(StartAttempt(attempt=fact.attempt),),
    )


def _cancel_pending(state: JobState, fact: CancelRequested) -> Step:
    following = replace(state, status=Status.CANCELLED, is_cancel_requested=True)
    return Step(state=following, reason=fact.reason)


def _cancel_running(state: JobState, _fact: CancelRequested) -> Step:
    following = replace(state, is_cancel_requested=True)
    return Step(state=following, instructions=(StopAttempt(attempt=state.attempt),))


def _stay(state: JobState, _fact: Fact) -> Step:
    return Step(state=state)


def _succeed(state: JobState, fact: AttemptSucceeded) -> Step:
    _require_present(state, fact)
    return _end(state, Status.COMPLETED, "the work is done")


def _fail(state: JobState, fact: AttemptFailed) -> Step:
    _require_present(state, fact)
    if state.is_cancel_requested:
        return _end(state, Status.CANCELLED, "cancelled by request")
    if fact.is_retryable and state.retries_left > 0:
        return _retry(state, fact.error)
    return _end(replace(state, error=fact.error), Status.FAILED, fact.error.detail)


def _lose(state: JobState, fact: AttemptLost) -> Step:
    return _fail(state, AttemptFailed(attempt=fact.attempt, error=fact.error, is_retryable=True))


def _stop(state: JobState, fact: AttemptStopped) -> Step:
    _require_present(state, fact)
    if not state.is_cancel_requested:
        raise _stale(state, fact)
    return _end(state, Status.CANCELLED, "cancelled by request")


def _never_started(state: JobState, fact: AttemptNeverStarted) -> Step:
    _require_present(state, fact)
    if state.is_cancel_requested:
        return Step(state=replace(state, status=Status.CANCELLED), reason="cancelled by request")
    return Step(state=replace(state, status=Status.PENDING), reason=fact.reason)


def _retry(state: JobState, error: JobError) -> Step:
    following = replace(
        state, status=Status.PENDING, retries_left=state.retries_left - 1, error=error
    )
    return Step(state=following, reason=f"retried: {error.detail}")


def _end(state: JobState, status: Status, reason: str) -> Step:
    """Publish even what failed or was cancelled: its logs and whole files are worth keeping."""
    return Step(
        state=replace(state, status=status),
        reason=reason,
        instructions=(PublishAttempt(attempt=state.attempt),),
    )


def _require_present(state: JobState, fact: Fact) -> None:
    if getattr(fact, "attempt", None) != state.attempt:
        raise _stale(state, fact)


def _stale(state: JobState, fact: Fact) -> IllegalTransitionError:
    return IllegalTransitionError(f"{fact} is not of the present attempt of {state}")


_MOVES: dict[tuple[Status, type], Callable[..., Step]] = {
    (Status.PENDING, AttemptStarted): _start,
    (Status.PENDING, CancelRequested): _cancel_pending,
    (Status.RUNNING, AttemptSucceeded): _succeed,
    (Status.RUNNING, AttemptFailed): _fail,
    (Status.RUNNING, AttemptLost): _lose,
    (Status.RUNNING, AttemptStopped): _stop,
    (Status.RUNNING, AttemptNeverStarted): _never_started,
    (Status.RUNNING, CancelRequested): _cancel_running,
    # Whoever cancels twice, or too late, wanted what is already so.
    (Status.COMPLETED, CancelRequested): _stay,
    (Status.FAILED, CancelRequested): _stay,
    (Status.CANCELLED, CancelRequested): _stay,
}
