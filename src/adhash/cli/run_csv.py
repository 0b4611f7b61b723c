"""``adhash run-csv``: replay a trace on one engine or several, and compare them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adhash.cli.connection import RunOnServerOption, server_for_run
from adhash.cli.interrupts import cancelled_by_signals
from adhash.cli.optional_values import OptionalValuesCommand
from adhash.cli.output import JsonOption, print_lines, print_table
from adhash.errors import BadInputError, InterruptedRunError

if TYPE_CHECKING:
    from adhash.replay import Summary
    from adhash.replay.plan import Plan

COMMAND = "run-csv"


def _option(*names: str, metavar: str, text: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    command = OptionalValuesCommand.with_values({"--compress": "zstd"})
    app.command(COMMAND, cls=command)(run_csv)


# Settings are taken as text: `adhash.config_sources` reads and checks every source alike, and its
# messages name the setting, the value and the allowed range.
def run_csv(
    *,
    csv: Annotated[
        str | None,
        _option(
            "--csv",
            metavar="FILE",
            text="The trace: CSV, Parquet, Arrow IPC or a foreign format, also .gz, .zst, .xz; - "
            "for standard input.",
        ),
    ] = None,
    sample: Annotated[
        str | None, _option("--sample", metavar="NAME", text="A bundled trace instead of a file.")
    ] = None,
    format: Annotated[  # noqa: A002 - as the option is called
        str | None,
        _option(
            "--format",
            "--from",
            metavar="NAME",
            text="The format of the trace: auto, csv, parquet, arrow, or one that adhash formats "
            "lists.",
        ),
    ] = None,
    fill: Annotated[
        str | None,
        _option(
            "--fill",
            metavar="POLICY",
            text="What follows a read in a foreign trace: through puts what was not found, preload "
            "puts every key first, none puts nothing.",
        ),
    ] = None,
    value_cap: Annotated[
        str | None,
        _option(
            "--value-cap",
            metavar="BYTES",
            text="The longest value made for a foreign trace, in bytes; 64 by default.",
        ),
    ] = None,
    mode: Annotated[
        list[str] | None,
        _option(
            "--mode",
            metavar="MODE",
            text="adaptive, fast-insert, fast-lookup, an engine's name, or all; repeat it or "
            "separate by commas to compare.",
        ),
    ] = None,
    key_type: Annotated[
        str | None,
        _option("--key-type", metavar="TYPE", text="auto, int64, uint64, str or bytes."),
    ] = None,
    value_type: Annotated[
        str | None, _option("--value-type", metavar="TYPE", text="auto, int64 or bytes.")
    ] = None,
    rate: Annotated[
        str | None,
        _option(
            "--rate",
            metavar="OPS",
            text="Operations to start a second, latency counted from the intended start; 0 runs "
            "as fast as possible.",
        ),
    ] = None,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Check every answer against a reference model.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and execute nothing.")
    ] = False,
    csv_max_rows: Annotated[
        str | None,
        _option("--csv-max-rows", metavar="N", text="Refuse a trace with more rows; 0: no limit."),
    ] = None,
    csv_max_bytes: Annotated[
        str | None,
        _option(
            "--csv-max-bytes",
            metavar="SIZE",
            text="Refuse a trace with more bytes once decompressed, such as 2GiB; 0: no limit.",
        ),
    ] = None,
    snapshot_in: Annotated[
        str | None,
        _option("--snapshot-in", metavar="FILE", text="Begin with the entries of a snapshot."),
    ] = None,
    snapshot_out: Annotated[
        str | None,
        _option("--snapshot-out", metavar="FILE", text="Save the map at the end (one mode)."),
    ] = None,
    compress: Annotated[
        str | None,
        _option(
            "--compress",
            metavar="[CODEC]",
            text="Compress the snapshot: none, lz4 or zstd; zstd without a value.",
        ),
    ] = None,
    compact_interval: Annotated[
        str | None,
        _option("--compact-interval", metavar="S", text="Compact every S seconds; 0 never does."),
    ] = None,
    seed: Annotated[
        str | None, _option("--seed", metavar="N", text="The seed of the hash, or random.")
    ] = None,
    json_summary_out: Annotated[
        str | None,
        _option(
            "--json-summary-out",
            metavar="FILE",
            text="Write the summary as JSON; a list of them for several modes.",
        ),
    ] = None,
    metrics_out_dir: Annotated[
        str | None,
        _option("--metrics-out-dir", metavar="DIR", text="Write ticks to DIR/metrics.ndjson."),
    ] = None,
    metrics_max_ticks: Annotated[
        str | None,
        _option(
            "--metrics-max-ticks",
            metavar="N",
            text="Write at most N ticks of each mode; 0: no limit.",
        ),
    ] = None,
    metrics_port: Annotated[
        str | None,
        _option(
            "--metrics-port",
            metavar="PORT",
            text="Serve Prometheus and JSON on this port while the run lasts; auto for a free one.",
        ),
    ] = None,
    metrics_host: Annotated[
        str | None,
        _option("--metrics-host", metavar="HOST", text="The address to serve on; 127.0.0.1."),
    ] = None,
    latency_sample_every: Annotated[
        str | None,
        _option(
            "--latency-sample-every",
            metavar="N",
            text="Time one operation in N; 0 times none. Slow paths are always timed.",
        ),
    ] = None,
    latency_buckets: Annotated[
        str | None,
        _option(
            "--latency-buckets",
            metavar="MS,MS,...",
            text="Upper bounds of the latency histogram in milliseconds.",
        ),
    ] = None,
    config: Annotated[
        str | None, _option("--config", metavar="FILE", text="A TOML file of settings.")
    ] = None,
    preset: Annotated[
        str | None, _option("--preset", metavar="NAME", text="The name of a preset.")
    ] = None,
    server: RunOnServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a trace on one engine or several and compare what they did.

    Ctrl-C or SIGTERM ends the run within a second, with what it measured so far and exit code 130;
    a second one kills it.
    """
    options: Any = {
        "key_type": key_type,
        "value_type": value_type,
        "format": format,
        "fill": fill,
        "value_cap": value_cap,
        "rate": rate,
        "verify": verify,
        "dry_run": dry_run,
        "csv_max_rows": csv_max_rows,
        "csv_max_bytes": csv_max_bytes,
        "snapshot_in": snapshot_in,
        "snapshot_out": snapshot_out,
        "compress": compress,
        "compact_interval": compact_interval,
        "seed": seed,
        "json_summary_out": json_summary_out,
        "metrics_out_dir": metrics_out_dir,
        "metrics_max_ticks": metrics_max_ticks,
        "metrics_port": metrics_port,
        "metrics_host": metrics_host,
        "latency_sample_every": latency_sample_every,
        "latency_buckets": latency_buckets,
        "config": config,
        "preset": preset,
    }
    address = server_for_run(server)
    if address is not None:
        trace = {"csv": csv, "sample": sample, "mode": _modes(mode)}
        _run_there({**trace, **options}, server=address, as_json=as_json)
        return
    from adhash.replay.run import plan_run

    plan = plan_run(
        _trace(csv, sample), mode=_modes(mode), settings=None, environ=None, options=options
    )
    _run(plan, given=options, as_json=as_json)


def _run_there(values: Mapping[str, object], *, server: str, as_json: bool) -> None:
    from adhash.cli.remote import run_on_server
    from adhash.options.base import read_options
    from adhash.options.run_csv import RunCsvOptions

    options = read_options(RunCsvOptions, values, spelled_as_flags=True)
    outcome = run_on_server(COMMAND, options, server=server)
    result = outcome.require_result()
    summaries = result.get("summaries", [result])
    _print(summaries, given=values, ok=outcome.error is None, as_json=as_json)
    outcome.require_success()


def _trace(csv: str | None, sample: str | None) -> str:
    if (csv is None) == (sample is None):
        raise BadInputError(
            "exactly one of --csv and --sample must be given", hint="--csv FILE names the trace"
        )
    if csv is not None:
        return csv
    from adhash.workloads.samples import sample_path

    return str(sample_path(str(sample)))


def _modes(given: list[str] | None) -> list[str] | None:
    if not given:
        return None
    return [name.strip() for each in given for name in each.split(",")]


def _run(plan: Plan, *, given: Mapping[str, object], as_json: bool) -> None:
    from adhash.cancellation import CancelToken
    from adhash.cli.progress_bar import shown_progress
    from adhash.replay.run import require_verified, run_plan

    token = CancelToken()
    with cancelled_by_signals(token), shown_progress() as progress:
        summaries = run_plan(plan, progress=progress, cancel=token, ends_with_process=True)
    is_cancelled = bool(summaries) and summaries[-1].status == "cancelled"
    is_wrong = any(each.verified and each.verified.mismatches for each in summaries)
    shown = [summary.to_dict() for summary in summaries]
    _print(shown, given=given, ok=not (is_cancelled or is_wrong), as_json=as_json)
    if is_cancelled:
        raise _interruption(summaries, len(plan.modes))
    require_verified(summaries)


def _print(
    summaries: Sequence[dict[str, Any]], *, given: Mapping[str, object], ok: bool, as_json: bool
) -> None:
    from adhash.cli.foreign_options import tell_options_without_effect
    from adhash.presenters import comparison_table, replay_notes

    if as_json:
        answer = {"ok": ok, "command": COMMAND, "summaries": summaries}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print_table(comparison_table(summaries))
        print_lines(replay_notes(summaries))
    for first in summaries[:1]:
        trace, trace_format = str(first.get("csv")), first.get("trace_format")
        tell_options_without_effect(trace, trace_format=trace_format, given=given)


def _interruption(summaries: Sequence[Summary], modes: int) -> InterruptedRunError:
    last = summaries[-1]
    return InterruptedRunError(
        f"interrupted in mode {last.mode} ({len(summaries)} of {modes}) after "
        f"{last.ops.total:,} operations",
        hint="the summary is of the part that ran",
    )
