"""The control surface from Python: `Client`, and `AsyncClient` for asyncio.

    from adhash.service.client import Client

    with Client("http://127.0.0.1:9600") as client:
        job = client.run_csv(csv=client.upload("trace.csv"), mode="swiss")
        job.wait()
        summary = job.read_summary()

The methods are those of `adhash.service.jobs.JobManager`. A connection that breaks and a server
that is busy are tried again: each submission carries a key by which the server knows it, so that
trying again never makes a second job. Errors are those that the server raised.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from adhash.clock import Clock, SystemClock
from adhash.service.calls import methods, transfers
from adhash.service.calls.async_client import AsyncClient
from adhash.service.calls.connection import Certificate, Connection, Verify
from adhash.service.calls.following import EventFeed, LogFeed, follow_feed
from adhash.service.calls.kind_methods import KindMethods
from adhash.service.calls.remote_jobs import AsyncRemoteJob, RemoteJob
from adhash.service.calls.retrying import Retries
from adhash.service.calls.transports import Transport
from adhash.service.job_methods import JobMethods
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

__all__ = ["AsyncClient", "AsyncRemoteJob", "Client", "EventsReset", "RemoteJob", "Retries"]


class Client(JobMethods, KindMethods[RemoteJob]):
    """Calls a control surface, and waits for each answer.

    Safe to use from several threads. Use it as a context manager, or call `close`. Every method
    raises what the server refused (`adhash.service.errors`) and StorageError if it cannot be
    reached. In a request, inputs are URIs of `upload` or paths on the server; outputs are names of
    artifacts.

    Parameters
    ----------
    url : str
        Where ``adhash serve`` listens, such as ``http://127.0.0.1:9600``.
    token : str or None
        The bearer token.
    verify : bool, path or SSLContext
        Whose certificates are believed, see `Connection`.
    cert : path, pair of paths or None
        The certificate to show to a proxy that asks for one (mTLS), with its key.
    retries : Retries or None
        How often to try again; None is seven attempts over about five seconds.
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
        self._transport = Transport(Connection(url=url, token=token, verify=verify, cert=cert))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; jobs go on."""
        self._transport.close()

    # --- submitting ------------------------------------------------------------------------------

    def submit(
        self, kind: str, request: Mapping[str, object], *, idempotency_key: str | None = None
    ) -> RemoteJob:
        steps = methods.submission(kind, request, self._retries, idempotency_key=idempotency_key)
        return RemoteJob(self, self._transport.run(steps))

    def validate(self, kind: str, request: Mapping[str, object]) -> dict[str, Any]:
        """Check a request without running it, and return what would be asked."""
        return self._transport.run(methods.check(kind, request, self._retries))

    def upload(self, path: Path | str, *, name: str | None = None) -> str:
        """Send a file, and return the URI that requests name it by.

        Parameters
        ----------
        path : Path or str
            The file. It is streamed, hashed on the way, and compared with what arrived.
        name : str or None
            What the server shall call it; None takes its own name.

        Returns
        -------
        str
            Such as ``input://`` and a SHA-256.
        """
        return self._transport.run(transfers.upload(Path(path), name, self._retries))

    # --- looking ---------------------------------------------------------------------------------

    def get(self, job_id: str) -> RemoteJob:
        """Return a handle on a job."""
        return RemoteJob(self, self.detail(job_id))

    def detail(self, job_id: str, *, wait_s: float = 0.0) -> JobDetail:
        return self._transport.run(methods.detail_of(job_id, self._retries, wait_s=wait_s))

    def list(
        self,
        *,
        status: Sequence[Status] = (),
        kind: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> JobList:
        steps = methods.listing(
            self._retries, status=status, kind=kind, labels=labels, cursor=cursor, limit=limit
        )
        return self._transport.run(steps)

    def wait(self, job_id: str, timeout_s: float | None = None) -> JobDetail:
        return self._transport.run(methods.ending(job_id, timeout_s, self._clock, self._retries))

    def logs(
        self, job_id: str, *, since: str | None = None, follow: bool = False
    ) -> Iterator[LogLine]:
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
    ) -> Iterator[Event | EventsReset]:
        feed = EventFeed(methods.job_path(job_id, "events"), after, follow=follow, types=types)
        steps = follow_feed(feed, job_id, self._retries, is_followed=follow)
        return self._transport.stream(steps)

    def ticks(self, job_id: str, *, last: int | None = None) -> builtins.list[dict[str, Any]]:
        """Return the ticks of a replay so far, or only so many of the newest."""
        return self._transport.run(methods.ticks_of(job_id, last, self._retries))

    def artifacts(self, job_id: str) -> builtins.list[ArtifactInfo]:
        return self._transport.run(methods.artifacts_of(job_id, self._retries))

    def download(self, job_id: str, name: str, to: Path | str) -> ArtifactInfo:
        """Fetch a file that a job made.

        Parameters
        ----------
        job_id : str
            Its name.
        name : str
            The name of the artifact.
        to : Path or str
            The file that it becomes, whole and with the right SHA-256, or that stays as it was. A
            download that was cut off goes on where it was, even one of a process that was killed.

        Returns
        -------
        ArtifactInfo
            What it is.
        """
        return self._transport.run(transfers.download(job_id, name, Path(to), self._retries))

    def signed_url(self, job_id: str, name: str, *, ttl_s: int = 900) -> SignedUrl:
        """Make a URL of an artifact that needs no token and is good for so many seconds."""
        steps = methods.signature(job_id, name, ttl_s, self._retries, base_url=self._transport.url)
        return self._transport.run(steps)

    def readiness(self) -> Readiness:
        """Return whether the server takes jobs, and why not."""
        return self._transport.run(methods.readiness_of(self._retries))

    # --- ending ----------------------------------------------------------------------------------

    def cancel(self, job_id: str, *, timeout_s: float | None = None) -> JobDetail:
        steps = methods.cancellation(job_id, timeout_s, self._clock, self._retries)
        return self._transport.run(steps)

    def delete(self, job_id: str) -> JobDetail:
        return self._transport.run(methods.deletion(job_id, self._retries))
