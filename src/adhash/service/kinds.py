"""The kinds of jobs: an allow-list, one registration each.

A kind is a command with its model of options and the function that carries it out. To add one,
list its options in `adhash.options.commands` and add a row here that names the library's function;
the routes, the client's and the manager's methods, the command line's ``jobs submit`` and the
OpenAPI document follow. Only a kind that needs more of the job than its progress and its end has a
function in `adhash.service.kind_runs`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, create_model

from adhash.options.base import CommandOptions
from adhash.options.commands import COMMANDS
from adhash.service.errors import UnknownKindError
from adhash.service.models import JobFields

if TYPE_CHECKING:
    from adhash.service.work_context import WorkContext

_RUNS = "adhash.service.kind_runs"


def _never(_options: CommandOptions) -> bool:
    return False


def _serves_metrics(options: CommandOptions) -> bool:
    return getattr(options, "metrics_port", None) is not None


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """One kind of job.

    `run` names a function of `adhash.service.kind_runs`, or of the library as ``module:function``.
    It is imported where it runs, so that the server loads no engine. `example` is a request that
    works anywhere, for documents.
    """

    name: str
    summary: str
    run: str
    example: dict[str, Any]
    needs_processes: bool = False
    needs_network: Callable[[CommandOptions], bool] = _never

    @property
    def options(self) -> type[CommandOptions]:
        """The options of the command, as `adhash.options.commands` lists them."""
        return COMMANDS[self.name]

    @property
    def method(self) -> str:
        """Return the name of the method that submits it, such as ``run_csv``."""
        return self.name.replace("-", "_")

    def load_run(self) -> Callable[[CommandOptions, WorkContext], dict[str, Any]]:
        """Return the function that carries it out."""
        kind_runs: Any = importlib.import_module(_RUNS)
        module, _, name = self.run.rpartition(":")
        if not module:
            return getattr(kind_runs, name)  # type: ignore[no-any-return]
        return partial(kind_runs.run_plainly, getattr(importlib.import_module(module), name))


_KINDS = (
    JobKind(
        name="run-csv",
        summary="Replay a trace on one engine or several.",
        run="replay_trace",
        example={"sample": "identifiers", "mode": "swiss"},
        needs_network=_serves_metrics,
    ),
    JobKind(
        name="profile",
        summary="Recommend an engine for a trace, with the reason.",
        run="adhash.analysis.profile:run_profile",
        example={"sample": "identifiers", "rounds": 1},
    ),
    JobKind(
        name="calibrate",
        summary="Measure what operations cost on the machine of the runner.",
        run="calibrate_machine",
        example={"rounds": 1, "largest": 4096, "json_out": "calibration.json"},
    ),
    JobKind(
        name="batch",
        summary="Run a suite of jobs and report on them.",
        run="run_suite",
        example={
            "spec": {
                "name": "two-engines",
                "jobs": [{"name": "swiss", "command": "run-csv", "sample": "identifiers"}],
            }
        },
        needs_processes=True,
    ),
    JobKind(
        name="probe-visualize",
        summary="Show the slots that one operation visits.",
        run="trace_probe",
        example={"key": "apple", "seed": ["apple=1", "pear=2"], "mode": "swiss"},
    ),
    JobKind(
        name="inspect-snapshot",
        summary="Tell what is in a snapshot.",
        run="adhash.analysis.inspect_snapshot:run_inspect_snapshot",
        example={"snapshot": "map.arrow", "limit": 5},
    ),
    JobKind(
        name="verify-snapshot",
        summary="Check a snapshot's checksums and structure.",
        run="verify_snapshot",
        example={"snapshot": "map.arrow"},
    ),
    JobKind(
        name="compact-snapshot",
        summary="Write a snapshot again as densely as it can be.",
        run="adhash.analysis.compact_snapshot:run_compact_snapshot",
        example={"snapshot": "map.arrow", "out": "dense.arrow"},
    ),
    JobKind(
        name="diff-snapshot",
        summary="Tell in which entries two snapshots differ.",
        run="adhash.analysis.diff_snapshot:run_diff_snapshot",
        example={"a": "map.arrow", "b": "later.arrow"},
    ),
    JobKind(
        name="ab-compare",
        summary="Decide which of two configurations is better on a trace.",
        run="compare_configurations",
        example={
            "sample": "identifiers",
            "a": {"mode": "swiss"},
            "b": {"mode": "std"},
            "max_pairs": 5,
        },
        needs_processes=True,
    ),
    JobKind(
        name="workload-dna",
        summary="Describe the character of a trace.",
        run="adhash.analysis.dna:run_workload_dna",
        example={"sample": "identifiers"},
    ),
    JobKind(
        name="convert",
        summary="Write a trace again in another format.",
        run="adhash.analysis.conversion:run_convert",
        example={"trace": "trace.lis", "out": "trace.arrow"},
    ),
    JobKind(
        name="generate-csv",
        summary="Generate a trace of a chosen character.",
        run="adhash.analysis.generate_csv:run_generate_csv",
        example={"out": "trace.csv", "workload": "ycsb-a", "keys": 1000, "rows": 3000},
    ),
    JobKind(
        name="report",
        summary="Report on results of replays and other commands.",
        run="write_report",
        example={"summary": ["swiss.json", "std.json"], "html_report": "report.html"},
    ),
)


@cache
def job_kinds() -> dict[str, JobKind]:
    """Return every kind by its name."""
    return {kind.name: kind for kind in _KINDS}


def job_kind(name: str) -> JobKind:
    """Return the kind of that name.

    Parameters
    ----------
    name : str
        Such as ``"run-csv"``.

    Returns
    -------
    JobKind
        As it was registered.

    Raises
    ------
    UnknownKindError
        If there is none.
    """
    kind = job_kinds().get(name)
    if kind is None:
        known = ", ".join(job_kinds())
        raise UnknownKindError(f"unknown kind of job {name!r}", hint=f"kinds are {known}")
    return kind


@cache
def request_model(name: str) -> type[CommandOptions]:
    """Return the model of a request: the options of the command and the fields of a job.

    Parameters
    ----------
    name : str
        The kind.

    Returns
    -------
    type of CommandOptions
        Named like ``RunCsvRequest``; its document shows the example.

    Raises
    ------
    UnknownKindError
        If there is no such kind.
    """
    kind = job_kind(name)
    title = "".join(word.capitalize() for word in name.split("-")) + "Request"
    fields: dict[str, Any] = {
        key: (field.annotation, field) for key, field in JobFields.model_fields.items()
    }
    # The example is set before the class is built: pydantic reads the configuration once.
    base = type(title, (kind.options,), {"__module__": __name__, "model_config": _with(kind)})
    return create_model(title, __base__=base, __module__=__name__, __doc__=kind.summary, **fields)


def _with(kind: JobKind) -> ConfigDict:
    return ConfigDict(
        **{**kind.options.model_config, "json_schema_extra": {"examples": [kind.example]}}
    )
