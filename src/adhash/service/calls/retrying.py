"""Asking again after a connection broke or the server was busy, and how long to wait before.

Only what may be done twice is asked again: every request that makes something carries a key, by
which the server knows it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count

from adhash.errors import StorageError
from adhash.service.calls.problems import error_of_answer, problem_code
from adhash.service.calls.steps import Answer, Ask, DisconnectedError, Open, Pause, Request, Steps
from adhash.service.errors import IdempotencyInFlightError

_BUSY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_LONGEST_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often to ask again, and the pauses in between.

    A pause is `first_s`, doubled each time up to `longest_s`, of which a random half is left out so
    that many clients do not come back at once.

    Parameters
    ----------
    limit : int
        How many further attempts follow the first; 0 for none.
    first_s : float
        The first pause, in seconds.
    longest_s : float
        The longest, in seconds; a server that asks for more gets it, up to a minute.
    draw : callable
        Returns a random number in [0, 1).
    """

    limit: int = 6
    first_s: float = 0.1
    longest_s: float = 5.0
    draw: Callable[[], float] = random.random

    def pause_s(self, failures: int, *, asked_s: float = 0.0) -> float:
        """Return how long to wait after so many failures, at least what the server asked for."""
        grown = min(self.longest_s, self.first_s * 2.0 ** (failures - 1))
        jittered = grown * (0.5 + self.draw() / 2)
        return max(jittered, min(asked_s, _LONGEST_RETRY_AFTER_S))


def ask(request: Request, retries: Retries) -> Steps[Answer]:
    """Send a request until it is answered, and return the answer.

    Parameters
    ----------
    request : Request
        May be sent twice.
    retries : Retries
        How often.

    Returns
    -------
    Answer
        No refusal.

    Raises
    ------
    AdhashError
        What the server refused it with.
    StorageError
        If the server cannot be reached.
    """
    return (yield from _until_answered(Ask(request), retries))


def open_stream(request: Request, retries: Retries) -> Steps[Answer]:
    """Send a request whose answer is then read block by block; otherwise as `ask`."""
    return (yield from _until_answered(Open(request), retries))


def _until_answered(step: Ask | Open, retries: Retries) -> Steps[Answer]:
    for failures in count(1):
        asked_s = 0.0
        try:
            answer: Answer = yield step
        except DisconnectedError as lost:
            if failures > retries.limit:
                raise unreachable(lost) from lost
        else:
            if not answer.is_refusal:
                return answer
            if failures > retries.limit or not _may_pass(answer):
                raise error_of_answer(answer)
            asked_s = _retry_after_s(answer)
        yield Pause(retries.pause_s(failures, asked_s=asked_s))
    raise AssertionError("the attempts are counted without end")


def unreachable(lost: DisconnectedError) -> StorageError:
    """Return the error for a server that cannot be reached."""
    return StorageError(
        lost.detail, hint="check that adhash serve runs there, and the address (--server)"
    )


def _may_pass(answer: Answer) -> bool:
    """Return whether the same request may be taken a moment later."""
    return answer.status in _BUSY or problem_code(answer) == IdempotencyInFlightError.code


def _retry_after_s(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
