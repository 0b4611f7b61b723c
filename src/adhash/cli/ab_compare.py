"""``adhash ab-compare``: two configurations on one trace, and which is better."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_table
from adhash.options.ab_compare import AbCompareOptions

if TYPE_CHECKING:
    from adhash.analysis.ab_result import AbCompareResult

COMMAND = "ab-compare"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, AbCompareOptions, ab_compare, extra=extra)


def ab_compare(options: AbCompareOptions, *, as_json: bool) -> None:
    """Compare two configurations on one trace, in pairs of runs, and say how sure the verdict is.

    The verdict is better, worse, same or inconclusive, and is about b.
    """
    from adhash.analysis.ab_compare import require_not_worse, run_ab_compare
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_ab_compare(options, progress=progress, cancel=token)
    is_refused = options.fail_if_worse and result.verdict == "worse"
    if as_json:
        answer = {"ok": not is_refused, "command": COMMAND, **result.to_dict()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_text(result)
    if is_refused:
        require_not_worse(result)


def _print_text(result: AbCompareResult) -> None:
    from adhash.presenters import ab_compare_notes, ab_compare_table

    content = result.to_dict()
    print_table(ab_compare_table(content))
    for line in ab_compare_notes(content):
        print(line)
