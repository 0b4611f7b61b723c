"""``adhash diff-snapshot``: in which entries and settings two snapshots differ."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.options.diff_snapshot import DiffSnapshotOptions

COMMAND = "diff-snapshot"
_DIFFERENT = 3


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, DiffSnapshotOptions, diff_snapshot, extra=extra)


def diff_snapshot(options: DiffSnapshotOptions, *, as_json: bool) -> None:
    """Tell in which entries and settings two snapshots differ.

    Ends with exit code 0 if both hold the same entries, and with 3 if not.
    """
    from adhash.analysis.diff_snapshot import run_diff_snapshot
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work
    from adhash.snapshot_presenters import diff_notes, diff_table

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_diff_snapshot(options, progress=progress, cancel=token).to_dict()
    if as_json:
        print_json(COMMAND, result)
    else:
        print_lines(diff_notes(result))
        if result["header"] or result["changes"]:
            print_table(diff_table(result))
    if result["status"] == "different":
        raise typer.Exit(_DIFFERENT)
