"""``adhash inspect-snapshot``: what is in a snapshot."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.options.inspect_snapshot import InspectSnapshotOptions

COMMAND = "inspect-snapshot"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, InspectSnapshotOptions, inspect_snapshot, extra=extra)


def inspect_snapshot(options: InspectSnapshotOptions, *, as_json: bool) -> None:
    """Tell what is in a snapshot: header, layout on disk, histograms, entries."""
    from adhash.analysis.inspect_snapshot import run_inspect_snapshot
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work
    from adhash.snapshot_presenters import inspect_notes, inspect_tables

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_inspect_snapshot(options, progress=progress, cancel=token).to_dict()
    if as_json:
        print_json(COMMAND, result)
        return
    print_lines(inspect_notes(result))
    for table in inspect_tables(result):
        print()
        print_table(table)
