"""``adhash verify-snapshot``: check whether a snapshot is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_lines, print_table
from adhash.options.verify_snapshot import VerifySnapshotOptions

if TYPE_CHECKING:
    from adhash.analysis.verify_snapshot import VerifySnapshotResult

COMMAND = "verify-snapshot"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, VerifySnapshotOptions, verify_snapshot, extra=extra)


def verify_snapshot(options: VerifySnapshotOptions, *, as_json: bool) -> None:
    """Check the bytes, the structure, every entry and every invariant of a snapshot.

    A damaged one ends the command with exit code 3, after every check was told. With --repair every
    row that is left goes to the file of --out, and what was lost is told.
    """
    from adhash.analysis.verify_snapshot import require_intact, run_verify_snapshot
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_verify_snapshot(options, progress=progress, cancel=token)
    if as_json:
        is_fine = result.status == "intact" or result.repair is not None
        answer = {"ok": is_fine, "command": COMMAND, **result.to_dict()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_text(result)
    require_intact(result)


def _print_text(result: VerifySnapshotResult) -> None:
    from adhash.presenters import checks_table
    from adhash.snapshot_presenters import repair_notes

    told = result.to_dict()
    print_table(checks_table(told))
    print_lines([f"{result.snapshot}: {result.status}", *repair_notes(told)])
