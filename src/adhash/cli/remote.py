"""Running a command on a server as if it ran here: `run_on_server`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adhash.cancellation import CancelToken
from adhash.cli.connection import connect
from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.progress_bar import shown_work
from adhash.cli.remote_files import RemoteFiles
from adhash.errors import AdhashError, InterruptedRunError
from adhash.options.base import CommandOptions
from adhash.progress import WorkCallback, WorkProgress, ignore_work

if TYPE_CHECKING:
    from adhash.service.client import RemoteJob
    from adhash.service.models import JobDetail

Pack = Callable[[RemoteFiles, CommandOptions], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RemoteOutcome:
    """What came of a command on a server: a result, an error, or both, as of a run here."""

    result: dict[str, Any] | None
    error: AdhashError | None

    def require_result(self) -> dict[str, Any]:
        """Return the result.

        Returns
        -------
        dict
            Its files are named as they are here.

        Raises
        ------
        AdhashError
            What ended the command, if it left no result.
        """
        if self.result is None:
            raise self.error or InterruptedRunError("the job ended without a result")
        return self.result

    def require_success(self) -> None:
        """Raise what ended the command, if anything did.

        Raises
        ------
        AdhashError
            Of the class that a run here would have raised.
        """
        if self.error is not None:
            raise self.error


def pack(files: RemoteFiles, options: CommandOptions) -> dict[str, Any]:
    """Return the request for options whose outputs come back here."""
    return files.request_of(options, are_outputs_here=True)


def run_on_server(
    kind: str, options: CommandOptions, *, server: str, packed: Pack = pack
) -> RemoteOutcome:
    """Run a command as a job of a server, from its inputs here to its outputs here.

    Inputs are uploaded, progress is shown as that of a run here, and the first Ctrl-C or SIGTERM
    cancels the job and waits for its end; what it made until then comes back.

    Parameters
    ----------
    kind : str
        The command.
    options : CommandOptions
        Its options.
    server : str
        The address of the server.
    packed : callable
        Makes the request, for commands whose options hold files that their marks do not tell.

    Returns
    -------
    RemoteOutcome
        The result and the error, for the command to show as its own.

    Raises
    ------
    AdhashError
        If a file cannot be moved, the server refuses the request, or cannot be reached.
    InterruptedRunError
        If it was interrupted before the job was submitted.
    """
    token = CancelToken()
    with connect(server) as client, cancelled_by_signals(token), shown_work() as show:
        files = RemoteFiles(client)
        with token.interruptible():
            request = packed(files, options)
        job = client.submit(kind, request)
        _see_through(job, server, token, show or ignore_work)
        files.fetch(job.id)
    return _outcome(job.detail, files)


def _see_through(job: RemoteJob, server: str, token: CancelToken, show: WorkCallback) -> None:
    """Show the progress of a job until it ends, and end it if this process is interrupted."""
    try:
        with token.interruptible():
            _follow(job, show)
            job.wait()
    except InterruptedRunError:
        # Over a connection of its own: the other was left in the middle of an answer.
        with connect(server) as client:
            client.cancel(job.id)
        job.wait()


def _follow(job: RemoteJob, show: WorkCallback) -> None:
    from adhash.service.models import Event, EventType

    for event in job.events(follow=True):
        if isinstance(event, Event) and event.type is EventType.PROGRESS:
            show(WorkProgress(**event.data))


def _outcome(detail: JobDetail, files: RemoteFiles) -> RemoteOutcome:
    from adhash.service.calls.problems import error_of_job
    from adhash.service.lifecycle import Status

    is_completed = detail.status is Status.COMPLETED
    return RemoteOutcome(
        result=files.named_here(detail.result),
        error=None if is_completed else error_of_job(detail),
    )
