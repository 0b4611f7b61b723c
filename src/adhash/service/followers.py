"""Waiting for jobs to change, from the event loop: thousands may wait, and no thread does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from adhash.service.jobs import JobManager


class Followers:
    """Wakes those who follow a job, and everybody when the server ends.

    Parameters
    ----------
    manager : JobManager
        Tells of changes, in threads of its own.
    """

    def __init__(self, manager: JobManager) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stop_listening = manager.on_change(self._changed)
        self.is_closing = False

    @property
    def count(self) -> int:
        """Return how many follow a job now."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def following(self, job_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the job changes; clear it before looking.

        Parameters
        ----------
        job_id : str
            The job.

        Yields
        ------
        asyncio.Event
            For `wait`.
        """
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[job_id].discard(event)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def close(self) -> None:
        """Wake everybody: the server is about to end. Safe from a signal handler."""
        self.is_closing = True
        self._loop.call_soon_threadsafe(self._wake_all)

    def detach(self) -> None:
        """Stop listening to the manager."""
        self._stop_listening()

    def _changed(self, job_id: str) -> None:
        if job_id in self._waiting:
            # The loop may have ended; then nobody waits any more.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake, job_id)

    def _wake(self, job_id: str) -> None:
        for event in self._waiting.get(job_id, ()):
            event.set()

    def _wake_all(self) -> None:
        for job_id in list(self._waiting):
            self._wake(job_id)


async def wait(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait until an event is set; return False if the time was up."""
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True
