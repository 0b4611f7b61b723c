"""``adhash probe-visualize``: which places of a table one operation visits."""

from __future__ import annotations

import typer

from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.model_command import own_option, register_model_command
from adhash.cli.output import JsonOption, print_json, print_lines, print_table
from adhash.cli.progress_bar import shown_work
from adhash.options.probe_visualize import ProbeVisualizeOptions

COMMAND = "probe-visualize"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    register_model_command(
        app,
        COMMAND,
        ProbeVisualizeOptions,
        visualize_probe,
        extra=[own_option("as_json", JsonOption, default=False)],
    )


def visualize_probe(options: ProbeVisualizeOptions, *, as_json: bool) -> None:
    """Show every place of a table that a get or a put of a key visits."""
    from adhash.analysis.probe_visualize import run_probe_visualize
    from adhash.cancellation import CancelToken
    from adhash.probe_presenters import probe_heading, probe_notes, probe_table

    token = CancelToken()
    with cancelled_by_signals(token), shown_work() as progress:
        result = run_probe_visualize(options, progress, token).to_dict()
    if as_json:
        print_json(COMMAND, result)
        return
    print_lines(probe_heading(result))
    print_table(probe_table(result))
    print_lines(probe_notes(result))
