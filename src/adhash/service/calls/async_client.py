"""The client for asyncio: the methods of `adhash.service.client.Client`, to be awaited."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adhash.clock import Clock, SystemClock
from adhash.service.calls import methods, transfers
from adhash.service.calls.connection import Certificate, Connection, Verify
from adhash.service.calls.following import EventFeed, LogFeed, follow_feed
from adhash.service.calls.kind_methods import KindMethods
from adhash.service.calls.remote_jobs import AsyncRemoteJob
from adhash.service.calls.retrying import Retries
from adhash.service.calls.transports import AsyncTransport
from adhash.service.lifecycle import Status
from adhash.service.models import (
    ArtifactInfo,
    Event,
    EventsReset,
    EventType,
    JobDetail,
    JobList,
    LogLine,
    Readiness,
    SignedUrl,
)


class AsyncClient(KindMethods[Coroutine[Any, Any, AsyncRemoteJob]]):
    """Calls a control surface under asyncio.

    Everything is as in `adhash.service.client.Client`, which describes it; methods are awaited,
    `logs` and `events` are iterated over with ``async for``.

    Parameters
    ----------
    url : str
        Where ``adhash serve`` listens.
    token : str or None
        The bearer token.
    verify : bool, path or SSLContext
        Whose certificates are believed, see `Connection`.
    cert : path, pair of paths or None
        The certificate to show, with its key.
    retries : Retries or None
        How often to try again.
    clock : Clock or None
        Counts the seconds of `wait`; None is the system's.

    Raises
    ------
    BadInputError
        If the address is none, or httpx is not installed.
    StorageError
        If a certificate cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        verify: Verify = True,
        cert: Certificate | None = None,
        retries: Retries | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._clock = clock or SystemClock()
        connection = Connection(url=url, token=token, verify=verify, cert=cert)
        self._transport = AsyncTransport(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; jobs go on."""
        await self._transport.close()

    async def submit(
        self, kind: str, request: Mapping[str, object], *, idempotency_key: str | None = None
    ) -> AsyncRemoteJob:
        """Submit a job, see `Client.submit`."""
        steps = methods.submission(kind, request, self._retries, idempotency_key=idempotency_key)
        return AsyncRemoteJob(self, await self._transport.run(steps))

    async def validate(self, kind: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Check a request without running it, and return what would be asked."""
        return await self._transport.run(methods.check(kind, request, self._retries))

    async def upload(self, path: Path | str, *, name: str | None = None) -> str:
        """Send a file, and return the URI that requests name it by."""
        return await self._transport.run(transfers.upload(Path(path), name, self._retries))

    async def get(self, job_id: str) -> AsyncRemoteJob:
        """Return a handle on a job."""
        return AsyncRemoteJob(self, await self.detail(job_id))

    async def detail(self, job_id: str, *, wait_s: float = 0.0) -> JobDetail:
        """Return all that is known of a job, after waiting at most so long for a change."""
        return await self._transport.run(methods.detail_of(job_id, self._retries, wait_s=wait_s))

    async def list(
        self,
        *,
        status: Sequence[Status] = (),
        kind: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> JobList:
        """Return a page of jobs, newest first, see `Client.list`."""
        steps = methods.listing(
            self._retries, status=status, kind=kind, labels=labels, cursor=cursor, limit=limit
        )
        return await self._transport.run(steps)

    async def wait(self, job_id: str, timeout_s: float | None = None) -> JobDetail:
        """Wait for the end of a job, at most so many seconds, and return what is known of it."""
        steps = methods.ending(job_id, timeout_s, self._clock, self._retries)
        return await self._transport.run(steps)

    def logs(
        self, job_id: str, *, since: str | None = None, follow: bool = False
    ) -> AsyncIterator[LogLine]:
        """Yield the lines that a job wrote, see `Client.logs`."""
        feed = LogFeed(methods.job_path(job_id, "logs"), since, follow=follow)
        steps = follow_feed(feed, job_id, self._retries, is_followed=follow)
        return self._transport.stream(steps)

    def events(
        self,
        job_id: str,
        *,
        after: int = 0,
        follow: bool = False,
        types: Sequence[EventType] | None = None,
    ) -> AsyncIterator[Event | EventsReset]:
        """Yield what happened to a job, see `Client.events`."""
        feed = EventFeed(methods.job_path(job_id, "events"), after, follow=follow, types=types)
        steps = follow_feed(feed, job_id, self._retries, is_followed=follow)
        return self._transport.stream(steps)

    async def ticks(self, job_id: str, *, last: int | None = None) -> builtins.list[dict[str, Any]]:
        """Return the ticks of a replay so far, or only so many of the newest."""
        return await self._transport.run(methods.ticks_of(job_id, last, self._retries))

    async def artifacts(self, job_id: str) -> builtins.list[ArtifactInfo]:
        """Return the files that a job made, each with a signed URL."""
        return await self._transport.run(methods.artifacts_of(job_id, self._retries))

    async def download(self, job_id: str, name: str, to: Path | str) -> ArtifactInfo:
        """Fetch a file that a job made, see `Client.download`."""
        return await self._transport.run(transfers.download(job_id, name, Path(to), self._retries))

    async def signed_url(self, job_id: str, name: str, *, ttl_s: int = 900) -> SignedUrl:
        """Make a URL of an artifact that needs no token and is good for so many seconds."""
        steps = methods.signature(job_id, name, ttl_s, self._retries, base_url=self._transport.url)
        return await self._transport.run(steps)

    async def readiness(self) -> Readiness:
        """Return whether the server takes jobs, and why not."""
        return await self._transport.run(methods.readiness_of(self._retries))

    async def cancel(self, job_id: str, *, timeout_s: float | None = None) -> JobDetail:
        """End a job and wait until no process of it is left, see `Client.cancel`."""
        steps = methods.cancellation(job_id, timeout_s, self._clock, self._retries)
        return await self._transport.run(steps)

    async def delete(self, job_id: str) -> JobDetail:
        """Delete the artifacts and logs of a job that has ended; its record stays."""
        return await self._transport.run(methods.deletion(job_id, self._retries))
