"""What a follower of a job receives: server-sent events, and lines of its output.

Every event has the number of its row in the store as its id, so a follower that was cut off asks
for what comes after the last it has and gets exactly that. Where rows were deleted by retention, a
``reset`` event says so before the stream begins with what is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from adhash.service.followers import Followers, wait
from adhash.service.jobs import JobManager
from adhash.service.logs import LogReader
from adhash.service.models import Event

_AT_ONCE = 500
_KEEP_ALIVE_S = 15.0
# Output grows without anybody announcing it: the runner writes to files.
_LOG_INTERVAL_S = 0.1
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Streams of the jobs of a manager."""

    manager: JobManager
    followers: Followers

    async def events(self, job_id: str, after: int, *, follow: bool = True) -> AsyncIterator[bytes]:
        """Yield the events of a job after an id, as a stream of server-sent events.

        Parameters
        ----------
        job_id : str
            A job that exists.
        after : int
            The id of the last event the follower has; 0 for all.
        follow : bool
            Whether to wait for more until the job ends.

        Yields
        ------
        bytes
            Whole events; the last one is the terminal status, if it is waited for.
        """
        yield b"retry: 1000\n\n"
        reset = await run_in_threadpool(self._reset, job_id, after)
        if reset is not None:
            after = 0
            yield reset
        with self.followers.following(job_id) as changed:
            while True:
                changed.clear()
                is_ended, events = await run_in_threadpool(self._look, job_id, after)
                if events:
                    after = events[-1].id
                    yield b"".join(map(as_server_sent, events))
                elif is_ended or not follow or self.followers.is_closing:
                    return
                elif not await wait(changed, _KEEP_ALIVE_S):
                    yield b": still here\n\n"

    def _look(self, job_id: str, after: int) -> tuple[bool, list[Event]]:
        # The status first: events recorded before it cannot be missed then.
        is_ended = self.manager.record(job_id).status.is_terminal
        return is_ended, self.manager.store.events(job_id, after=after, limit=_AT_ONCE, types=None)

    def _reset(self, job_id: str, after: int) -> bytes | None:
        """Return the event that says the follower's place is not there any more."""
        oldest, newest = self.manager.store.event_bounds(job_id)
        # Who has none begins with the oldest that is left, and is told so by its number.
        has_missed = 0 < after < oldest - 1
        if not has_missed and after <= newest:
            return None
        return f'event: reset\ndata: {{"oldest": {oldest}}}\n\n'.encode()

    async def logs(self, reader: LogReader, job_id: str, *, follow: bool) -> AsyncIterator[bytes]:
        """Yield the lines of a job's output as NDJSON.

        Parameters
        ----------
        reader : LogReader
            At the place to begin.
        job_id : str
            The job.
        follow : bool
            Whether to wait for more until the job ends.

        Yields
        ------
        bytes
            Whole lines.
        """
        with self.followers.following(job_id) as changed:
            while True:
                changed.clear()
                is_ended, text = await run_in_threadpool(self._read, reader, job_id)
                if text:
                    yield text
                elif is_ended or not follow or self.followers.is_closing:
                    return
                else:
                    await wait(changed, _LOG_INTERVAL_S)

    def _read(self, reader: LogReader, job_id: str) -> tuple[bool, bytes]:
        is_ended = self.manager.record(job_id).status.is_terminal
        lines = reader.read(is_complete=is_ended)
        return is_ended, b"".join(
            line.model_dump_json(exclude_defaults=True).encode() + b"\n" for line in lines
        )


def as_server_sent(event: Event) -> bytes:
    """Return an event in the format of an event stream (WHATWG HTML, 9.2)."""
    data = event.model_dump_json(include={"id", "job_id", "at", "data", "type"})
    return f"id: {event.id}\nevent: {event.type.value}\ndata: {data}\n\n".encode()
