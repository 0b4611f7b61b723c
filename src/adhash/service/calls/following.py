"""Following a job's output and events across disconnects, exactly from where they stopped.

Each line of output carries the token that goes on after it, and each event its number. A follower
that was cut off drops what had not come whole, and asks for what comes after the last whole one. So
nothing is missing and nothing comes twice, however often the connection breaks.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from adhash.service.calls.methods import detail_of
from adhash.service.calls.retrying import Retries, open_stream, unreachable
from adhash.service.calls.server_sent import EventCutter, LineCutter
from adhash.service.calls.steps import DisconnectedError, Emit, Pause, Read, Request, Steps
from adhash.service.lifecycle import Status
from adhash.service.models import Event, EventsReset, EventType, LogLine

# A stream of events says something every 15 s. Output may be silent for long; then the connection
# is made anew, which costs nothing and finds out that the server is still there.
_SILENCE_S = 60.0


class Feed(ABC):
    """A stream of a job that can be taken up again: its place, and what its bytes mean.

    `is_ended` becomes true with an item that nothing can follow.
    """

    is_ended = False

    @abstractmethod
    def request(self) -> Request:
        """Return the request for what comes after the place, and begin with whole items."""

    @abstractmethod
    def items(self, block: bytes) -> Iterator[object]:
        """Yield the items that are whole with this block, and move the place behind each."""


class LogFeed(Feed):
    """The lines that a job wrote, after a token."""

    def __init__(self, path: str, since: str | None, *, follow: bool) -> None:
        self._path = path
        self._since = since
        self._follow = follow
        self._lines = LineCutter()

    def request(self) -> Request:
        """Return the request for the lines after the last whole one."""
        self._lines = LineCutter()
        query = [("follow", str(self._follow).lower())]
        if self._since is not None:
            query.append(("since", self._since))
        return Request(method="GET", path=self._path, query=tuple(query), timeout_s=_SILENCE_S)

    def items(self, block: bytes) -> Iterator[LogLine]:
        """Yield the lines that are whole with this block."""
        for line in self._lines.lines(block):
            found = LogLine.model_validate_json(line)
            self._since = found.next
            yield found


class EventFeed(Feed):
    """What happened to a job, after the number of an event."""

    def __init__(
        self, path: str, after: int, *, follow: bool, types: Sequence[EventType] | None
    ) -> None:
        self._path = path
        self._after = after
        self._follow = follow
        self._types = None if types is None else frozenset(types)
        self._events = EventCutter()

    def request(self) -> Request:
        """Return the request for the events after the last whole one."""
        self._events = EventCutter()
        return Request(
            method="GET",
            path=self._path,
            query=(("follow", str(self._follow).lower()),),
            headers={"Last-Event-ID": str(self._after)} if self._after else {},
            timeout_s=_SILENCE_S,
        )

    def items(self, block: bytes) -> Iterator[Event | EventsReset]:
        """Yield the events that are whole with this block, and resets."""
        for sent in self._events.events(block):
            if sent.name == "reset":
                self._after = 0
                yield EventsReset(oldest=int(json.loads(sent.data)["oldest"]))
                continue
            event = Event.model_validate_json(sent.data)
            self._after = event.id
            self.is_ended = _is_end(event)
            if self._types is None or event.type in self._types:
                yield event


def _is_end(event: Event) -> bool:
    return event.type is EventType.STATUS and Status(event.data["status"]).is_terminal


def follow_feed(feed: Feed, job_id: str, retries: Retries, *, is_followed: bool) -> Steps[None]:
    """Emit the items of a feed until it ends.

    Parameters
    ----------
    feed : Feed
        At its place.
    job_id : str
        The job.
    retries : Retries
        How often to go on when nothing more has come in between.
    is_followed : bool
        Whether to go on until the job ends, or until there is no more now.

    Raises
    ------
    AdhashError
        What the server refuses it with.
    StorageError
        If the server cannot be reached any more.
    """
    failures = 0
    is_last = not is_followed
    while True:
        has_come, lost = yield from _read(feed, retries)
        if feed.is_ended or (is_last and lost is None):
            return
        if lost is None:
            # The stream ended, but perhaps the job did not: the server was about to end, say. What
            # a job wrote that has ended is read once more: its last lines may be later.
            is_last = yield from _is_over(job_id, retries)
        failures = 1 if has_come else failures + 1
        if failures > retries.limit:
            raise unreachable(lost or DisconnectedError("the server ends every stream at once"))
        yield Pause(retries.pause_s(failures))


def _read(feed: Feed, retries: Retries) -> Steps[tuple[bool, DisconnectedError | None]]:
    """Emit what comes until the stream ends, and return whether anything came and what broke it."""
    has_come = False
    try:
        yield from open_stream(feed.request(), retries)
        while block := (yield Read()):
            has_come = True
            for item in feed.items(block):
                yield Emit(item)
    except DisconnectedError as lost:
        # A stream that was silent for long is no sign that the server is gone.
        return has_come or lost.is_silent, lost
    return has_come, None


def _is_over(job_id: str, retries: Retries) -> Steps[bool]:
    detail = yield from detail_of(job_id, retries)
    return detail.status.is_terminal
