"""``adhash report``: a page on results of replays and other commands."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines
from adhash.options.report import ReportOptions

COMMAND = "report"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    register_model_command(
        app,
        COMMAND,
        ReportOptions,
        run,
        extra=(own_option("as_json", JsonOption, default=False),),
    )


def run(options: ReportOptions, *, as_json: bool) -> None:
    """Report on results: compare replays of one trace, and show what other commands found.

    Without a file to write, the report is printed as Markdown.
    """
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_work
    from adhash.reports.markdown_page import markdown_page
    from adhash.reports.run import content_of, run_report

    token = CancelToken()
    is_printed = options.html_report is None and options.report is None and not as_json
    with cancelled_by_signals(token), shown_work() as progress:
        if is_printed:
            text = markdown_page(
                content_of(options, progress=progress, cancel=token), has_manifests=False
            )
        else:
            result = run_report(options, progress=progress, cancel=token)
    if is_printed:
        print(text, end="")
    elif as_json:
        print_json(COMMAND, result.to_dict())
    else:
        print_lines(f"{name}: {path}" for name, path in result.artifacts.items())
