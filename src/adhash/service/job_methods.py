"""What can be done with jobs that are there: the one contract of manager and client.

`adhash.service.library.JobLibrary` answers from the store of this process, `Client` from a server;
`AsyncClient` has the same methods to be awaited. What a method means is told here and only here.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

from adhash.service.lifecycle import Status
from adhash.service.models import (
    ArtifactInfo,
    Event,
    EventsReset,
    EventType,
    JobDetail,
    JobList,
    LogLine,
)


class JobMethods(ABC):
    """Methods on jobs that are there: they look at them, and end and delete them."""

    @abstractmethod
    def detail(self, job_id: str, *, wait_s: float = 0.0) -> JobDetail:
        """Return all that is known of a job.

        Parameters
        ----------
        job_id : str
            Its name.
        wait_s : float
            How long to wait for a change; 0 returns at once.

        Returns
        -------
        JobDetail
            The present state.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """

    @abstractmethod
    def list(
        self,
        *,
        status: Sequence[Status] = (),
        kind: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> JobList:
        """Return a page of jobs, newest first.

        Parameters
        ----------
        status : sequence of Status
            Any of these; empty for all.
        kind : sequence of str
            Any of these; empty for all.
        labels : mapping of str to str or None
            All of these.
        cursor : str or None
            The ``next_cursor`` of the page before.
        limit : int
            1 to 500.

        Returns
        -------
        JobList
            The page.

        Raises
        ------
        InvalidRequestError
            If the limit or the cursor is not valid.
        """

    @abstractmethod
    def wait(self, job_id: str, timeout_s: float | None = None) -> JobDetail:
        """Wait for the end of a job.

        Parameters
        ----------
        job_id : str
            Its name.
        timeout_s : float or None
            At most this long.

        Returns
        -------
        JobDetail
            The present state, terminal unless the time was up.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """

    @abstractmethod
    def logs(
        self, job_id: str, *, since: str | None = None, follow: bool = False
    ) -> Iterator[LogLine]:
        """Return the lines that a job wrote, without gap or repeat, across disconnects too.

        Parameters
        ----------
        job_id : str
            Its name.
        since : str or None
            The ``next`` of the last line one has; None for all.
        follow : bool
            Whether to wait for more until the job ends.

        Returns
        -------
        iterator of LogLine
            In order; it asks when it is iterated over, and raises then.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        GoneError
            If they were deleted.
        InvalidRequestError
            If `since` is no token.
        """

    @abstractmethod
    def events(
        self,
        job_id: str,
        *,
        after: int = 0,
        follow: bool = False,
        types: Sequence[EventType] | None = None,
    ) -> Iterator[Event | EventsReset]:
        """Return what happened to a job, without gap or repeat, across disconnects too.

        Parameters
        ----------
        job_id : str
            Its name.
        after : int
            The id of the last event one has; 0 for all.
        follow : bool
            Whether to wait for more until the terminal status, the last of all.
        types : sequence of EventType or None
            Only these; None for all.

        Returns
        -------
        iterator of Event or EventsReset
            In the order of their ids. `EventsReset`, which servers send, says that the place was
            deleted, by retention say: what follows it is what is left, from the beginning.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """

    @abstractmethod
    def artifacts(self, job_id: str) -> builtins.list[ArtifactInfo]:
        """Return the files that a job made; those of a server have signed URLs.

        Parameters
        ----------
        job_id : str
            Its name.

        Returns
        -------
        list of ArtifactInfo
            By name; empty once they were deleted.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """

    @abstractmethod
    def cancel(self, job_id: str, *, timeout_s: float | None = None) -> JobDetail:
        """End a job and wait until no process of it is left.

        Parameters
        ----------
        job_id : str
            Its name.
        timeout_s : float or None
            Wait at most this long; None waits as long as it takes.

        Returns
        -------
        JobDetail
            The final state, unless the time was up. Cancelling a job that has ended changes
            nothing.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        """

    @abstractmethod
    def delete(self, job_id: str) -> JobDetail:
        """Delete the artifacts and logs of a job that has ended; its record stays.

        Parameters
        ----------
        job_id : str
            Its name.

        Returns
        -------
        JobDetail
            What is left.

        Raises
        ------
        UnknownJobError
            If there is none of that name.
        NotFinishedError
            If it has not ended.
        """
