"""Handles on jobs of a server, as `adhash.service.job.Job` is one on a job of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adhash.service.job_view import JobView
from adhash.service.lifecycle import Status
from adhash.service.models import ArtifactInfo, Event, EventsReset, JobDetail, LogLine

if TYPE_CHECKING:
    from adhash.service.client import AsyncClient, Client

_POLL_S = 0.2


class RemoteJob(JobView):
    """A handle on a job of a server; what it says is what was true at the last `poll`.

    Parameters
    ----------
    client : Client
        Who asks.
    detail : JobDetail
        What is known of it.
    """

    def __init__(self, client: Client, detail: JobDetail) -> None:
        super().__init__(detail)
        self._client = client

    def poll(self, *, timeout_s: float = _POLL_S) -> Status:
        """Look again, waiting a moment for a change, and return the status."""
        if not self.is_finished:
            self._detail = self._client.detail(self.id, wait_s=timeout_s)
        return self.status

    def wait(self, timeout_s: float | None = None) -> Status:
        """Wait for the end of the job, at most so many seconds, and return its status."""
        self._detail = self._client.wait(self.id, timeout_s)
        return self.status

    def cancel(self) -> Status:
        """End the job, wait until no process of it is left, and return the status."""
        self._detail = self._client.cancel(self.id)
        return self.status

    def read_summary(self) -> dict[str, Any]:
        """Return the result; NotFinishedError if the job has not ended, or ended without one."""
        self.poll(timeout_s=0.0)
        return self._result()

    def logs(self, *, since: str | None = None, follow: bool = False) -> Iterator[LogLine]:
        """Yield the lines of the output, see `Client.logs`."""
        return self._client.logs(self.id, since=since, follow=follow)

    def events(self, *, after: int = 0, follow: bool = False) -> Iterator[Event | EventsReset]:
        """Yield what happened to the job, see `Client.events`."""
        return self._client.events(self.id, after=after, follow=follow)

    def artifacts(self) -> list[ArtifactInfo]:
        """Return the files that the job made."""
        return self._client.artifacts(self.id)

    def download(self, name: str, to: Path | str) -> ArtifactInfo:
        """Fetch a file that the job made, see `Client.download`."""
        return self._client.download(self.id, name, to)


class AsyncRemoteJob(JobView):
    """A handle on a job of a server, for asyncio; the methods are those of `RemoteJob`.

    Parameters
    ----------
    client : AsyncClient
        Who asks.
    detail : JobDetail
        What is known of it.
    """

    def __init__(self, client: AsyncClient, detail: JobDetail) -> None:
        super().__init__(detail)
        self._client = client

    async def poll(self, *, timeout_s: float = _POLL_S) -> Status:
        """Look again, waiting a moment for a change, and return the status."""
        if not self.is_finished:
            self._detail = await self._client.detail(self.id, wait_s=timeout_s)
        return self.status

    async def wait(self, timeout_s: float | None = None) -> Status:
        """Wait for the end of the job, at most so many seconds, and return its status."""
        self._detail = await self._client.wait(self.id, timeout_s)
        return self.status

    async def cancel(self) -> Status:
        """End the job, wait until no process of it is left, and return the status."""
        self._detail = await self._client.cancel(self.id)
        return self.status

    async def read_summary(self) -> dict[str, Any]:
        """Return the result; NotFinishedError if the job has not ended, or ended without one."""
        await self.poll(timeout_s=0.0)
        return self._result()

    def logs(self, *, since: str | None = None, follow: bool = False) -> AsyncIterator[LogLine]:
        """Yield the lines of the output, see `Client.logs`."""
        return self._client.logs(self.id, since=since, follow=follow)

    def events(self, *, after: int = 0, follow: bool = False) -> AsyncIterator[Event | EventsReset]:
        """Yield what happened to the job, see `Client.events`."""
        return self._client.events(self.id, after=after, follow=follow)

    async def artifacts(self) -> list[ArtifactInfo]:
        """Return the files that the job made."""
        return await self._client.artifacts(self.id)

    async def download(self, name: str, to: Path | str) -> ArtifactInfo:
        """Fetch a file that the job made, see `Client.download`."""
        return await self._client.download(self.id, name, to)
