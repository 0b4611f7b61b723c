"""``adhash jobs``: submit jobs to a server, look at them, follow them, end them."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adhash.cli import job_submit
from adhash.cli.connection import ServerOption, connect
from adhash.cli.output import JsonOption, print_json, print_table
from adhash.errors import BadInputError, PolicyError

if TYPE_CHECKING:
    from adhash.service.models import JobDetail, LogLine

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="The job's name.")]
JsonLinesOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line instead of text.")
]
FollowOption = Annotated[bool, typer.Option("--follow", help="Wait for more until the job ends.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands to `app`."""
    group = typer.Typer(help="Submit jobs to a server, look at them, follow them, end them.")
    group.callback(invoke_without_command=True)(_help)
    job_submit.register(group)
    group.command("list")(list_jobs)
    for command in (show, wait, logs, events, artifacts, cancel, delete):
        group.command(command.__name__)(command)
    app.add_typer(group, name="jobs")


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def list_jobs(
    *,
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATUS", help="Only of this status; repeat it for several.", show_default=False
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="Only of this kind; repeat it for several.", show_default=False
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only with this label; repeat it to ask for several.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="How many at most, 1 to 500.")] = 50,
    cursor: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR", help="The next_cursor of the page before.", show_default=False
        ),
    ] = None,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    from adhash.cli.job_tables import jobs_table
    from adhash.cli.remote_files import labels_of

    with connect(server) as client:
        page = client.list(
            status=_statuses(status),
            kind=kind or (),
            labels=labels_of(label),
            cursor=cursor,
            limit=limit,
        )
    if as_json:
        print_json("jobs list", page.model_dump(mode="json"))
        return
    print_table(jobs_table(page.jobs))
    if page.next_cursor is not None:
        print(f"there are more: --cursor {page.next_cursor}")


def _statuses(names: list[str] | None) -> list[Any]:
    from adhash.service.lifecycle import Status

    known = [each.value for each in Status]
    for name in names or []:
        if name not in known:
            raise BadInputError(f"--status: {name!r} is none of {', '.join(known)}")
    return [Status(name) for name in names or []]


def show(job: JobArgument, *, server: ServerOption = None, as_json: JsonOption = False) -> None:
    """Show all that is known of a job."""
    with connect(server) as client:
        _print_detail("jobs show", client.detail(job), as_json=as_json)


def wait(
    job: JobArgument,
    *,
    timeout_s: Annotated[
        float | None,
        typer.Option(metavar="S", help="Wait at most this long.", show_default=False),
    ] = None,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait for the end of a job; the exit code is that of the command run here."""
    from adhash.service.calls.problems import error_of_job
    from adhash.service.lifecycle import Status

    with connect(server) as client:
        detail = client.wait(job, timeout_s)
    if not detail.status.is_terminal:
        raise PolicyError(
            f"job {job} is still {detail.status} after {timeout_s:g} s", hint="wait longer"
        )
    if detail.status is not Status.COMPLETED:
        raise error_of_job(detail)
    _print_detail("jobs wait", detail, as_json=as_json)


def logs(
    job: JobArgument,
    *,
    follow: FollowOption = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="Only what follows the line whose next this is.",
            show_default=False,
        ),
    ] = None,
    server: ServerOption = None,
    as_json: JsonLinesOption = False,
) -> None:
    """Print what a job wrote."""
    with connect(server) as client:
        for line in client.logs(job, since=since, follow=follow):
            if as_json:
                print(line.model_dump_json(exclude_defaults=True), flush=follow)
            else:
                _print_line(line)


def _print_line(line: LogLine) -> None:
    """Write a line as the job wrote it, bytes that are no text included."""
    raw = line.message.encode() if line.base64 is None else base64.b64decode(line.base64)
    sys.stdout.buffer.write(raw if line.partial else raw + b"\n")
    sys.stdout.buffer.flush()


def events(
    job: JobArgument,
    *,
    follow: FollowOption = False,
    since: Annotated[
        int, typer.Option(metavar="ID", help="Only what follows this event.", show_default=False)
    ] = 0,
    server: ServerOption = None,
    as_json: JsonLinesOption = False,
) -> None:
    """Print what happened to a job."""
    from adhash.cli.job_tables import event_line
    from adhash.service.models import Event

    with connect(server) as client:
        for event in client.events(job, after=since, follow=follow):
            if not isinstance(event, Event):
                print(f"events before {event.oldest} were deleted", file=sys.stderr)
            elif as_json:
                print(event.model_dump_json(), flush=follow)
            else:
                print(event_line(event.type.value, event.at, event.data), flush=follow)


def artifacts(
    job: JobArgument,
    *,
    download: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fetch this one instead.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to; the last part of its name.", show_default=False
        ),
    ] = None,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that a job made, or fetch one."""
    from adhash.cli.job_tables import artifacts_table

    if download is None and out is not None:
        raise BadInputError("--out needs --download", hint="--download NAME --out FILE")
    with connect(server) as client:
        if download is not None:
            path = out or Path(Path(download).name)
            found = client.download(job, download, path)
            _print_fetched(found.model_dump(mode="json"), path, as_json=as_json)
            return
        listed = client.artifacts(job)
    if as_json:
        shown = [each.model_dump(mode="json") for each in listed]
        print_json("jobs artifacts", {"artifacts": shown})
    else:
        print_table(artifacts_table(listed))


def _print_fetched(artifact: dict[str, Any], path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json("jobs artifacts", {"path": str(path), "artifact": artifact})
    else:
        print(f"{path}: {artifact['size']:,} bytes, SHA-256 {artifact['sha256']}")


def cancel(job: JobArgument, *, server: ServerOption = None, as_json: JsonOption = False) -> None:
    """End a job, and wait until no process of it is left."""
    with connect(server) as client:
        _print_detail("jobs cancel", client.cancel(job), as_json=as_json)


def delete(job: JobArgument, *, server: ServerOption = None, as_json: JsonOption = False) -> None:
    """Delete the artifacts and logs of a job that has ended; its record stays."""
    with connect(server) as client:
        _print_detail("jobs delete", client.delete(job), as_json=as_json)


def _print_detail(command: str, detail: JobDetail, *, as_json: bool) -> None:
    if as_json:
        print_json(command, detail.model_dump(mode="json"))
        return
    from adhash.cli.job_tables import detail_lines

    for line in detail_lines(detail):
        print(line)
