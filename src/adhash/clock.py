"""The only place that reads a clock, so that tests can hold time in their hands."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """What tells the time: a date for records, a steady count for durations."""

    def now(self) -> datetime:
        """Return the date and time in UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an unstated start; it never goes back."""
        ...


class SystemClock:
    """The clock of the operating system."""

    def now(self) -> datetime:
        """Return the date and time in UTC."""
        return datetime.fromtimestamp(time.time(), tz=UTC)

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an unstated start; it never goes back."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is told to advance.

    Parameters
    ----------
    start : datetime or None
        The first date, with a time zone; 2000-01-01 UTC where None.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2000, 1, 1, tzinfo=UTC)
        self._monotonic_ns = 0

    def now(self) -> datetime:
        """Return the date and time in UTC."""
        return self._now.astimezone(UTC)

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the clock was made."""
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Move both readings forward.

        Parameters
        ----------
        seconds : float
            How far, in seconds; zero or more.

        Raises
        ------
        ValueError
            If `seconds` is negative: a steady clock never goes back.
        """
        if seconds < 0:
            raise ValueError(f"seconds must be 0 or more; got {seconds}")
        self._now += timedelta(seconds=seconds)
        self._monotonic_ns += round(seconds * NS_PER_S)
