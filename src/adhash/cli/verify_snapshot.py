"""``adhash verify-snapshot``: check whether a snapshot is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_table
from adhash.options.verify_snapshot import VerifySnapshotOptions

if TYPE_CHECKING:
    from adhash.analysis.verify_snapshot import VerifySnapshotResult

COMMAND = "verify-snapshot"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, VerifySnapshotOptions, verify_snapshot, extra=extra)


def verify_snapshot(options: VerifySnapshotOptions, *, as_json: bool) -> None:
    """Check the bytes, the structure and every entry of a snapshot.

    A damaged one ends the command with exit code 3, after every check was told.
    """
    from adhash.analysis.verify_snapshot import require_intact, run_verify_snapshot
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_verify_snapshot(options, progress=progress, cancel=token)
    if as_json:
        answer = {"ok": result.status == "intact", "command": COMMAND, **result.to_dict()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_text(result)
    require_intact(result)


def _print_text(result: VerifySnapshotResult) -> None:
    from adhash.presenters import checks_table

    print_table(checks_table(result.to_dict()))
    print(f"{result.snapshot}: {result.status}")
