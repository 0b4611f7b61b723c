"""``adhash compact-snapshot``: write a snapshot again as densely as it can be."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines
from adhash.options.compact_snapshot import CompactSnapshotOptions

COMMAND = "compact-snapshot"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, CompactSnapshotOptions, compact_snapshot, extra=extra)


def compact_snapshot(options: CompactSnapshotOptions, *, as_json: bool) -> None:
    """Write a snapshot again, sorted and compressed, and say what that saved."""
    from adhash.analysis.compact_snapshot import run_compact_snapshot
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work
    from adhash.snapshot_presenters import compact_notes

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_compact_snapshot(options, progress=progress, cancel=token).to_dict()
    if as_json:
        print_json(COMMAND, result)
        return
    print_lines(compact_notes(result))
