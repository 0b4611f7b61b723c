"""One job, held by the Python program that submitted or looked it up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhash.service.job_view import JobView
from adhash.service.lifecycle import Status
from adhash.service.models import ArtifactInfo, Event, JobDetail, LogLine

if TYPE_CHECKING:
    from adhash.service.jobs import JobManager


class Job(JobView):
    """A handle on a job; what it says is what was true at the last `poll`.

    Parameters
    ----------
    manager : JobManager
        Where the job lives.
    detail : JobDetail
        What is known of it.
    """

    def __init__(self, manager: JobManager, detail: JobDetail) -> None:
        super().__init__(detail)
        self._manager = manager

    @property
    def folder(self) -> Path:
        """Return the folder of the job's files."""
        return self._manager.folder(self.id).path

    def poll(self, *, timeout_s: float = 0.2) -> Status:
        """Look again, waiting a moment for a change, and return the status.

        Parameters
        ----------
        timeout_s : float
            How long to wait for something to change, so that a loop around it is no busy one;
            0 does not wait.

        Returns
        -------
        Status
            The present one.

        Raises
        ------
        ServiceError
            If the store cannot be read.
        """
        if not self.is_finished:
            self._detail = self._manager.detail(self.id, wait_s=timeout_s, since=self._detail)
        return self.status

    def wait(self, timeout_s: float | None = None) -> Status:
        """Wait for the end of the job and return its status.

        Parameters
        ----------
        timeout_s : float or None
            At most this long; the status may then not be terminal.

        Returns
        -------
        Status
            The present one.

        Raises
        ------
        ServiceError
            If the store cannot be read.
        """
        self._detail = self._manager.wait(self.id, timeout_s)
        return self.status

    def cancel(self) -> Status:
        """End the job, wait until no process of it is left, and return the status.

        Returns
        -------
        Status
            ``cancelled``, or what the job ended with before it could be stopped.

        Raises
        ------
        ServiceError
            If the store cannot be written.
        """
        self._detail = self._manager.cancel(self.id)
        return self.status

    def read_summary(self) -> dict[str, Any]:
        """Return the result: the summary of a replay, or what the kind of the job returns.

        Returns
        -------
        dict
            As in ``summary.json``.

        Raises
        ------
        NotFinishedError
            If the job has not ended, or ended without a result; it says with which error.
        """
        if not self.is_finished:
            self._detail = self._manager.detail(self.id)
        return self._result()

    def logs(self, *, since: str | None = None, follow: bool = False) -> Iterator[LogLine]:
        """Yield the lines of the output, see `JobManager.logs`."""
        return self._manager.logs(self.id, since=since, follow=follow)

    def events(self, *, after: int = 0, follow: bool = False) -> Iterator[Event]:
        """Yield what happened to the job, see `JobManager.events`."""
        return self._manager.events(self.id, after=after, follow=follow)

    def artifacts(self) -> list[ArtifactInfo]:
        """Return the files that the job made."""
        return self._manager.artifacts(self.id)
