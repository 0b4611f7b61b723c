"""Ending a run from outside: from a signal handler, another thread, or a progress callback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from adhash.errors import InterruptedRunError


class CancelToken:
    """Tells a run to stop; safe to use from signal handlers and other threads.

    A run looks at its token at least every 50 ms while operations run. It then stops where it is,
    and its summary says ``cancelled``. A token cannot be taken back.
    """

    def __init__(self) -> None:
        self._event = Event()
        self._is_interruptible = False

    def cancel(self) -> None:
        """Ask the run to stop; asking again changes nothing."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was asked to stop."""
        return self._event.is_set()

    def cancel_from_signal(self) -> None:
        """Ask the run to stop from a signal handler of its own thread.

        Loading and saving a snapshot do not look at the token. A handler can end them, because it
        runs between two steps of theirs and may raise.

        Raises
        ------
        InterruptedRunError
            If the run is at such work.
        """
        self.cancel()
        if self._is_interruptible:
            self._is_interruptible = False
            raise InterruptedRunError("interrupted before it was done")

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal handler end the work inside by an exception.

        Raises
        ------
        InterruptedRunError
            If the run is to stop before or during the work.
        """
        self._is_interruptible = True
        try:
            if self.is_cancelled:
                raise InterruptedRunError("interrupted before it was done")
            yield
        finally:
            self._is_interruptible = False
