"""The result of a report: the ``adhash.report.v1`` model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from adhash.presenters import Table, columns, or_dash
from adhash.results import Result, ResultPart


class ReportedReplay(ResultPart):
    """A replay as the report compares it."""

    source: str = Field(description="The file, or the job of a suite, that it is from.")
    mode: str = Field(description="The mode.")
    elapsed_s: float | None = Field(description="How long it took, in seconds.")
    regret: float | None = Field(
        description="The time of its mode divided by that of the best fixed engine; null where "
        "times are not told."
    )


class ReportedTrace(ResultPart):
    """The replays of one trace at one rate."""

    title: str = Field(description="The name of the trace, with the rate if there is one.")
    best_fixed: str | None = Field(description="The best fixed engine; null without times.")
    replays: list[ReportedReplay] = Field(description="Its replays, in the order given.")


class ReportResult(Result):
    """What a report is about, and where it is."""

    schema_: Literal["adhash.report.v1"] = Field(
        default="adhash.report.v1", alias="schema", description="The version of this format."
    )
    title: str = Field(description="The title.")
    traces: list[ReportedTrace] = Field(description="The traces whose replays are compared.")
    left_out: int = Field(
        description="Summaries of dry runs and cancelled runs, which compare with nothing."
    )
    others: list[str] = Field(description="Results of other commands, by name.")
    artifacts: dict[str, str] = Field(description="The files written: html_report, report.")

    def _highlights(self) -> dict[str, str]:
        found = {"report": self.title, "replays": str(sum(len(t.replays) for t in self.traces))}
        if self.others:
            found["other results"] = ", ".join(self.others)
        return {**found, **self.artifacts}

    def _tables(self) -> tuple[Table, ...]:
        rows = tuple(
            (trace.title, each.mode, or_dash(each.regret, lambda regret: f"{regret:.2f}"))
            for trace in self.traces
            for each in trace.replays
        )
        return (Table(columns=columns("trace", "mode", "regret>"), rows=rows),)

    def _records(self) -> list[dict[str, Any]]:
        """Return a row for every replay."""
        return [
            {"trace": trace.title, **each.model_dump()}
            for trace in self.traces
            for each in trace.replays
        ]
