"""Which places of a table one operation visits: the function behind ``adhash probe-visualize``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from adhash.analysis.probe_beginning import begin_map, read_key
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError
from adhash.maps import Landing, Map, ProbedTable, ProbeStep, ProbeTrace
from adhash.options.base import read_options
from adhash.options.probe_visualize import ProbeVisualizeOptions
from adhash.presenters import Table, printable
from adhash.probe_presenters import probe_heading, probe_table
from adhash.progress import WorkCallback, ignore_work
from adhash.results import Result

_SHOWN_KEY = 120


class ProbeVisualizeResult(Result):
    """What an operation of a key visits, in the order of the visits."""

    schema_: Literal["adhash.probe_visualize.v1"] = Field(
        default="adhash.probe_visualize.v1",
        alias="schema",
        description="The version of this format.",
    )
    key: str = Field(description="The key, cut where it is long; what cannot be shown is escaped.")
    key_length: int = Field(description="Characters of the whole key.")
    key_type: str = Field(description="The type of the keys.")
    operation: Literal["get", "put"] = Field(description="What is done with the key.")
    engine: str = Field(description="The engine.")
    hash_seed: int = Field(description="The seed of the hash, 64 bits.")
    size: int = Field(description="Entries in the map.")
    found: bool = Field(description="Whether the map holds the key.")
    tables: tuple[ProbedTable, ...] = Field(description="The tables asked, in order.")
    steps: tuple[ProbeStep, ...] = Field(
        description="The places visited, in order; of more than 4,096 the first and the deciding."
    )
    landing: Landing | None = Field(
        description="Where a put would leave its entry; null for a get."
    )
    lookup_steps: int = Field(description="Places visited to know whether the key is there.")
    insertion_steps: int = Field(description="Places that a put of a new key visits after that.")
    moves_first: int = Field(
        description="Entries that a migration under way would move before the operation looks."
    )
    conclusion: str = Field(description="What it comes to, in a sentence or two.")
    artifacts: dict[str, str] = Field(description="The files written, by kind: json, svg.")

    def _highlights(self) -> dict[str, str]:
        shown = self.to_dict()
        operation, *tables = probe_heading(shown)
        return {"operation": operation, "tables": "; ".join(tables), "result": self.conclusion}

    def _tables(self) -> tuple[Table, ...]:
        return (probe_table(self.to_dict()),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every step."""
        steps: list[dict[str, Any]] = self.to_dict()["steps"]
        return steps


def probe_visualize(key: str | int, **options: Any) -> ProbeVisualizeResult:
    """Return which places of a table an operation of a key visits.

    Parameters
    ----------
    key : str or int
        The key.
    **options
        By the names of the command line's options, see `ProbeVisualizeOptions`: ``operation``,
        ``mode``, ``snapshot``, ``seed`` (a sequence of ``"KEY=VALUE"``), ``csv``, ``rows``,
        ``key_type``, ``hash_seed``, ``export_json``, ``svg_out``.

    Returns
    -------
    ProbeVisualizeResult
        Tables, steps and conclusion.

    Raises
    ------
    BadInputError
        If an option is wrong; TraceError, SnapshotError if a file is.
    StorageError
        If a file cannot be read or written.
    """
    return run_probe_visualize(read_options(ProbeVisualizeOptions, {"key": str(key), **options}))


def run_probe_visualize(
    options: ProbeVisualizeOptions,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
) -> ProbeVisualizeResult:
    """Trace an operation in a map that is empty or begun with something, and write what is asked.

    Parameters
    ----------
    options : ProbeVisualizeOptions
        Checked.
    progress : callable or None
        Told how much of a trace has been carried out.
    cancel : CancelToken or None
        Ends the work.

    Returns
    -------
    ProbeVisualizeResult
        Tables, steps and conclusion.

    Raises
    ------
    BadInputError
        If the key or an entry does not fit the map, or the mode is unknown; TraceError,
        SnapshotError if a file is wrong.
    StorageError
        If a file cannot be read or written.
    InterruptedRunError
        If the work was cancelled.
    """
    _require_distinct_files(options)
    token = cancel or CancelToken()
    begun = begin_map(options, cancel=token, progress=progress or ignore_work)
    with token.interruptible():
        key = read_key(options.key, begun.key_type)
        trace = begun.probe_trace(key, options.operation)
        result = _result(options, begun, trace)
        _write(options, result)
    return result


def _require_distinct_files(options: ProbeVisualizeOptions) -> None:
    named = {
        "--snapshot": options.snapshot,
        "--csv": None if options.csv == "-" else options.csv,
        "--export-json": options.export_json,
        "--svg-out": options.svg_out,
    }
    owners: dict[Path, str] = {}
    for name, path in named.items():
        if path is not None and owners.setdefault(Path(path).resolve(), name) != name:
            other = owners[Path(path).resolve()]
            raise BadInputError(f"{other} and {name} are the same file: {path}")


def _result(
    options: ProbeVisualizeOptions, begun: Map[Any, Any], trace: ProbeTrace
) -> ProbeVisualizeResult:
    return ProbeVisualizeResult(
        key=_shown(options.key),
        key_length=len(options.key),
        key_type=begun.key_type,
        operation=trace.operation,
        engine=trace.engine,
        hash_seed=begun.seed,
        size=trace.size,
        found=trace.found,
        tables=trace.tables,
        steps=trace.steps,
        landing=trace.landing,
        lookup_steps=trace.lookup_steps,
        insertion_steps=trace.insertion_steps,
        moves_first=trace.moves_first,
        conclusion=trace.conclusion,
        artifacts=_artifacts(options),
    )


def _shown(key: str) -> str:
    """Return a key as any file and terminal takes it."""
    cut = key if len(key) <= _SHOWN_KEY else f"{key[: _SHOWN_KEY - 1]}…"
    return printable(cut)


def _artifacts(options: ProbeVisualizeOptions) -> dict[str, str]:
    files = {"json": options.export_json, "svg": options.svg_out}
    return {kind: path for kind, path in files.items() if path is not None}


def _write(options: ProbeVisualizeOptions, result: ProbeVisualizeResult) -> None:
    if options.export_json is not None:
        text = json.dumps(result.to_dict(), ensure_ascii=False, indent=2)
        replace_text(Path(options.export_json), f"{text}\n")
    if options.svg_out is not None:
        from adhash.analysis.probe_drawing import draw_probe

        replace_text(Path(options.svg_out), draw_probe(result))
