"""Telling those who wait that a job changed, without asking the store again and again.

A number grows with every change, and each job remembers the number of its last one. Whoever waits
takes the number first, then looks, and then waits for the job's to be higher: a change between the
look and the wait is never missed. Only the latest jobs are remembered; a job that was forgotten is
taken to have changed when it was, which at worst makes somebody look once too often.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection

_REMEMBERED = 4096


class ChangeBoard:
    """When each job last changed, and those who wait for it to change again."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._latest = 0
        self._changed: OrderedDict[str, int] = OrderedDict()
        self._forgotten = 0
        self._listeners: list[Callable[[str], None]] = []
        self._is_closed = False

    def announce(self, job_ids: Collection[str]) -> None:
        """Tell that jobs changed.

        Parameters
        ----------
        job_ids : collection of str
            Their names.
        """
        with self._condition:
            self._latest += 1
            for job_id in job_ids:
                self._changed[job_id] = self._latest
                self._changed.move_to_end(job_id)
            while len(self._changed) > _REMEMBERED:
                self._forgotten = self._changed.popitem(last=False)[1]
            self._condition.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            for job_id in job_ids:
                listener(job_id)

    def mark(self) -> int:
        """Return the number to wait from; take it before looking at a job."""
        with self._condition:
            return self._latest

    def wait(self, job_id: str, mark: int, *, timeout_s: float) -> bool:
        """Wait until a job has changed since a mark was taken.

        Parameters
        ----------
        job_id : str
            Its name.
        mark : int
            From `mark`.
        timeout_s : float
            At most this long.

        Returns
        -------
        bool
            Whether it may have changed; False if the time was up.
        """
        with self._condition:
            return self._condition.wait_for(
                lambda: self._is_closed or self._changed.get(job_id, self._forgotten) > mark,
                timeout_s,
            )

    def listen(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Have `callback` called with the name of each job that changes; return how to stop it."""
        with self._condition:
            self._listeners.append(callback)

        def stop() -> None:
            with self._condition:
                self._listeners.remove(callback)

        return stop

    def close(self) -> None:
        """Wake everybody: nothing changes any more."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
