"""The steps of a conversation: what a transport can be told to do, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from adhash.service.calls.upload_body import UploadBody

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; `path` is beneath the address of the server.

    `body` is sent as JSON, `file` as it is. `timeout_s` is how long the server may be silent.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    file: UploadBody | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_refusal(self) -> bool:
        """Return whether it is an error."""
        return self.status >= 400


@dataclass(frozen=True)
class Ask:
    """Send a request; replied to with its `Answer`."""

    request: Request


@dataclass(frozen=True)
class Open:
    """Send a request; replied to with an `Answer` whose body, unless a refusal, is left to `Read`.

    A stream that was open before is closed.
    """

    request: Request


@dataclass(frozen=True)
class Read:
    """Read the next block of the open stream; replied to with bytes, empty at its end."""


@dataclass(frozen=True)
class Pause:
    """Let some time pass, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Do:
    """Call a function that may take its time, such as one that writes; replied to with its value.

    Under asyncio it is called in a thread.
    """

    function: Callable[[], Any]


@dataclass(frozen=True)
class Emit:
    """Hand a value to whoever follows."""

    value: Any


Step = Ask | Open | Read | Pause | Do | Emit
Steps = Generator[Step, Any, T]


def do(function: Callable[[], T]) -> Steps[T]:
    """Call a function that may take its time."""
    value: T = yield Do(function)
    return value


class DisconnectedError(Exception):
    """The connection could not be made, or broke, or was silent; thrown into the steps.

    Parameters
    ----------
    detail : str
        What happened.
    is_silent : bool
        Whether nothing was wrong but that nothing came.
    """

    def __init__(self, detail: str, *, is_silent: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.is_silent = is_silent


class Way(Generic[T]):
    """Steps on their way: the part of driving them that needs no waiting.

    A transport takes `next_step` until there is none, and before each further one sets what the
    last was replied to with, or what went wrong: `DisconnectedError`, or an OSError of a `Do`.
    """

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self.reply: Any = None
        self.failure: Exception | None = None
        self._result: list[T] = []

    def next_step(self) -> Step | None:
        """Return the next step; None if the steps have ended."""
        reply, failure = self.reply, self.failure
        self.reply = self.failure = None
        try:
            if failure is not None:
                return self._steps.throw(failure)
            return self._steps.send(reply)
        except StopIteration as ended:
            self._result.append(ended.value)
            return None

    @property
    def result(self) -> T:
        """Return what the steps came to, once they have ended."""
        return self._result[0]

    def give_up(self) -> None:
        """Let the steps put things in order; they go no further."""
        self._steps.close()
