"""``adhash ab-compare``: two configurations on one trace, and which is better."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.options.ab_compare import LocalAbCompareOptions
from adhash.presenters import Table

COMMAND = "ab-compare"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    extra = [own_option("as_json", JsonOption, default=False)]
    register_model_command(app, COMMAND, LocalAbCompareOptions, ab_compare, extra=extra)


def ab_compare(options: LocalAbCompareOptions, *, as_json: bool) -> None:
    """Compare two configurations on one trace, in pairs of runs, and say how sure the verdict is.

    The verdict is better, worse, same or inconclusive, and is about b. With --self-test the
    procedure itself is tried on this machine.
    """
    if options.self_test:
        _self_test(options, as_json=as_json)
    else:
        _compare(options, as_json=as_json)


def _compare(options: LocalAbCompareOptions, *, as_json: bool) -> None:
    from adhash.ab_presenters import ab_compare_notes, ab_compare_table
    from adhash.analysis.ab_compare import require_not_worse, run_ab_compare

    with _watched() as watched:
        result = run_ab_compare(options, **watched)
    is_refused = options.fail_if_worse and result.verdict == "worse"
    content = result.to_dict()
    if as_json:
        answer = {"ok": not is_refused, "command": COMMAND, **content}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print_text(ab_compare_table(content), ab_compare_notes(content))
    if is_refused:
        require_not_worse(result)


def _self_test(options: LocalAbCompareOptions, *, as_json: bool) -> None:
    from adhash.ab_presenters import self_test_notes, self_test_table
    from adhash.analysis.ab_compare import run_self_test

    with _watched() as watched:
        content = run_self_test(options, **watched).to_dict()
    if as_json:
        print_json(COMMAND, content)
    else:
        _print_text(self_test_table(content), self_test_notes(content))


@contextmanager
def _watched() -> Iterator[dict[str, Any]]:
    """Give the arguments by which the library tells its progress and hears of its end."""
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        yield {"progress": progress, "cancel": token}


def _print_text(table: Table, notes: Sequence[str]) -> None:
    print_table(table)
    print_lines(notes)
