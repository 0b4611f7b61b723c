"""``adhash batch``: run a suite of jobs, each in a process of its own, and report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from adhash.cli.connection import RunOnServerOption, server_for_run
from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.errors import InterruptedRunError
from adhash.options.batch import BatchOptions

if TYPE_CHECKING:
    from adhash.batch import BatchResult

COMMAND = "batch"
_ListOption = Annotated[
    bool, typer.Option("--list", help="List the bundled suites and run nothing.")
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    register_model_command(
        app,
        COMMAND,
        BatchOptions,
        run,
        hidden=("spec",),
        extra=(
            own_option("is_list", _ListOption, default=False),
            own_option("server", RunOnServerOption, None),
            own_option("as_json", JsonOption, default=False),
        ),
        instead=list_suites,
    )


def run(
    options: BatchOptions,
    *,
    is_list: bool,  # noqa: ARG001
    server: str | None,
    as_json: bool,
) -> None:
    """Run a suite of jobs, each in a process of its own, and report.

    The exit code is 0 if every job completed, 3 if one did not, 2 if the suite is wrong. Ctrl-C or
    SIGTERM ends the jobs within a second, with the reports of what ran and exit code 130.
    """
    from adhash.batch import require_completed

    address = server_for_run(server)
    result = _run_here(options) if address is None else _run_there(options, server=address)
    if as_json:
        _print_json(result)
    else:
        _print_text(result)
    if result.status == "cancelled":
        raise _interruption(result)
    require_completed(result)


def _run_here(options: BatchOptions) -> BatchResult:
    from adhash.batch import run_batch
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        return run_batch(options, progress=progress, cancel=token)


def _run_there(options: BatchOptions, *, server: str) -> BatchResult:
    from adhash.batch import BatchResult
    from adhash.cli.remote import run_on_server
    from adhash.cli.remote_suite import RemoteSuite

    suite = RemoteSuite(options)
    outcome = run_on_server(COMMAND, suite.options, server=server, packed=suite.pack)
    return BatchResult.model_validate({**outcome.require_result(), **suite.identity})


def list_suites(
    *,
    is_list: bool,
    server: str | None,  # noqa: ARG001
    as_json: bool,
) -> bool:
    """Print the bundled suites if that is what was asked for, and return whether it was."""
    if not is_list:
        return False
    from adhash.batch.spec_text import bundled_suites
    from adhash.presenters import Table, columns

    suites = bundled_suites()
    if as_json:
        print_json(COMMAND, {"suites": [{"name": s.name, "about": s.about} for s in suites]})
    else:
        rows = tuple((suite.name, suite.about) for suite in suites)
        print_table(Table(columns=columns("suite", "what it is for"), rows=rows))
    return True


def _print_json(result: BatchResult) -> None:
    answer = {"ok": result.status == "completed", "command": COMMAND, **result.to_dict()}
    print(json.dumps(answer, ensure_ascii=False))


def _print_text(result: BatchResult) -> None:
    from adhash.batch.job_tables import jobs_table

    print_table(jobs_table(result))
    print_lines(f"{name}: {path}" for name, path in result.artifacts.items())


def _interruption(result: BatchResult) -> InterruptedRunError:
    done = sum(job.status == "completed" for job in result.jobs)
    return InterruptedRunError(
        f"interrupted after {done} of {len(result.jobs)} jobs",
        hint="the reports are of what ran",
    )
