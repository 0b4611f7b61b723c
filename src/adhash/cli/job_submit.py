"""``adhash jobs submit KIND``: one command a kind, made from the model of its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from adhash.cli.connection import ServerOption, connect
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json
from adhash.cli.remote_files import RemoteFiles, labels_of
from adhash.options.base import CommandOptions
from adhash.options.batch import BatchOptions
from adhash.service.kinds import JobKind, job_kinds, request_model

# Fields that are no text: labels have an option of their own, a suite is read from a file.
_HIDDEN = ("labels", "spec")
_LabelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=VALUE",
        help="A name and value of your own to find the job by; repeat it.",
        show_default=False,
    ),
]


def register(group: typer.Typer) -> None:
    """Add the commands to the group of jobs."""
    submit = typer.Typer(help="Submit a job and print its name; inputs that are here are uploaded.")
    submit.callback(invoke_without_command=True)(_help)
    for kind in job_kinds().values():
        _register(submit, kind)
    group.add_typer(submit, name="submit")


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _register(submit: typer.Typer, kind: JobKind) -> None:
    register_model_command(
        submit,
        kind.name,
        request_model(kind.name),
        _submitting(kind),
        hidden=_HIDDEN,
        extra=(
            own_option("label", _LabelOption, None),
            own_option("server", ServerOption, None),
            own_option("as_json", JsonOption, default=False),
        ),
    )


def _submitting(kind: JobKind) -> Callable[..., None]:
    def run(
        options: CommandOptions, *, label: list[str] | None, server: str | None, as_json: bool
    ) -> None:
        labels = dict(labels_of(label))
        with connect(server) as client:
            request = _request(RemoteFiles(client), options)
            job = client.submit(kind.name, {**request, "labels": labels} if labels else request)
        if as_json:
            print_json(f"jobs submit {kind.name}", job.detail.model_dump(mode="json"))
        else:
            print(job.id)

    run.__doc__ = kind.summary
    return run


def _request(files: RemoteFiles, options: CommandOptions) -> dict[str, Any]:
    """Return the request; outputs are names of artifacts."""
    if isinstance(options, BatchOptions):
        from adhash.cli.remote_suite import RemoteSuite

        return RemoteSuite(options).pack(files, options, are_outputs_here=False)
    return files.request_of(options, are_outputs_here=False)
