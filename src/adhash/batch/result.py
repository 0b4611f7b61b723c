"""The result of a batch: the ``adhash.batch.v1`` model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adhash.batch.job_tables import jobs_table, overview
from adhash.errors import InvariantError
from adhash.presenters import Table
from adhash.replay.summary import row_of
from adhash.reports.content import Content, Source
from adhash.reports.replays import trace_groups
from adhash.reports.tables import comparison_table, regret_table
from adhash.results import Result, ResultPart

SCHEMA = "adhash.batch.v1"
JobStatus = Literal["completed", "failed", "timed_out", "cancelled", "skipped"]
BatchStatus = Literal["completed", "failed", "cancelled"]


class JobError(ResultPart):
    """Why a job is not completed, as the command line says it."""

    error: str = Field(description="BadInput, Invariant, Policy, IO or Interrupted.")
    detail: str = Field(description="What was wrong.")
    hint: str = Field(default="", description="What to do about it.")


class JobLogs(ResultPart):
    """The files that hold what a job printed."""

    stdout: str = Field(description="What it printed: its result as JSON.")
    stderr: str = Field(description="What it complained about.")


class JobResult(ResultPart):
    """What became of a job."""

    name: str = Field(description="Its name; of a job made by a matrix, with its values.")
    command: str = Field(description="The command that it runs.")
    options: dict[str, Any] = Field(
        description="The options of the command, as the suite has them."
    )
    status: JobStatus = Field(
        description="completed; failed; timed_out; cancelled, because the batch was; skipped, "
        "because a job it needs is not completed or the batch was cancelled before it began."
    )
    exit_code: int | None = Field(
        description="The exit code of its process; negative for the signal that ended it; null "
        "where it had none."
    )
    elapsed_s: float = Field(description="How long its process ran, in seconds.")
    result: dict[str, Any] | None = Field(
        description="What the command printed with --json; null where it printed no result."
    )
    error: JobError | None = Field(description="Why it is not completed; null if it is.")
    logs: JobLogs | None = Field(description="Its logs; null where it never began.")
    artifacts: dict[str, str] = Field(
        description="The files that it wrote, by the option that names them."
    )


class BatchResult(Result):
    """What became of a suite and of each of its jobs."""

    schema_: Literal["adhash.batch.v1"] = Field(
        default="adhash.batch.v1", alias="schema", description="The version of this format."
    )
    name: str = Field(description="The name of the suite.")
    status: BatchStatus = Field(
        description="completed: every job is; failed: one is not; cancelled: from outside."
    )
    spec: str = Field(description='The suite as it was named; "spec" for one given in place.')
    spec_sha256: str = Field(description="SHA-256 of the text of the suite.")
    started_at: str = Field(description="When it began: RFC 3339, UTC.")
    elapsed_s: float = Field(description="How long it took, in seconds.")
    max_parallel: int = Field(description="How many jobs ran at once, at most.")
    out_dir: str = Field(description="The folder of the logs.")
    jobs: list[JobResult] = Field(description="The jobs, in the order of the suite.")
    artifacts: dict[str, str] = Field(
        default_factory=dict,
        description="Files that the batch wrote: report, html_report, result and json_out.",
    )

    def summaries(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every summary of a replay, with the name of the job it is from."""
        return [
            (job.name, summary)
            for job in self.jobs
            for summary in _list(job.result, "summaries")
            if isinstance(summary, dict)
        ]

    def _highlights(self) -> dict[str, str]:
        return dict(overview(self))

    def _tables(self) -> tuple[Table, ...]:
        groups = trace_groups(self.content().replays)
        regrets = (regret_table(groups),) if len(groups) > 1 else ()
        return (jobs_table(self), *regrets, *map(comparison_table, groups))

    def content(self) -> Content:
        """Return what a report on the suite says."""
        return Content(
            title=self.name,
            kind="suite",
            status=self.status,
            facts=tuple(overview(self)),
            jobs=jobs_table(self),
            replays=tuple(
                Source(name=job, command="run-csv", result=summary)
                for job, summary in self.summaries()
            ),
            others=tuple(
                Source(name=job.name, command=job.command, result=job.result)
                for job in self.jobs
                if job.result is not None and job.command != "run-csv"
            ),
        )

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every replay."""
        return [{"job": job, **row_of(summary)} for job, summary in self.summaries()]


def _list(result: dict[str, Any] | None, name: str) -> list[Any]:
    found = (result or {}).get(name)
    return found if isinstance(found, list) else []


def require_completed(result: BatchResult) -> None:
    """Refuse a batch in which a job is not completed.

    Parameters
    ----------
    result : BatchResult
        Of any batch.

    Raises
    ------
    InvariantError
        If there is such a job; it names the first few of them and why.
    """
    others = [job for job in result.jobs if job.status != "completed"]
    if not others:
        return
    shown = [f"{job.name} {_why(job)}" for job in others[:3]]
    more = [f"and {len(others) - 3} more"] if len(others) > 3 else []
    raise InvariantError(
        f"{len(others)} of {len(result.jobs)} jobs did not complete: {'; '.join(shown + more)}",
        hint=f"the report has all of them: {result.artifacts.get('report', result.out_dir)}",
    )


def _why(job: JobResult) -> str:
    status = job.status.replace("_", " ")
    return f"{status} ({job.error.detail})" if job.error else status
