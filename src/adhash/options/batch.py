"""The options of ``adhash batch``."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from adhash.config_values import Real, Whole
from adhash.options.base import CommandOptions, InputFile, OutputFile, OutputFolder, option

MaxParallel = Annotated[Whole, Field(ge=1, le=1_024)]
TimeoutSeconds = Annotated[Real, Field(gt=0, le=604_800)]


class BatchOptions(CommandOptions):
    """Which suite to run, and where its results go."""

    spec_path: InputFile | None = option(
        "The suite: a TOML or JSON file, or the name of a bundled one.", positional=True
    )
    spec: dict[str, Any] | None = option("The suite itself: its [batch] table as JSON.")
    out_dir: OutputFolder | None = option(
        "The folder for logs, results and reports; runs/batch/NAME by default."
    )
    report: OutputFile | None = option(
        "Write the Markdown report to this file; report.md in the folder by default."
    )
    html_report: OutputFile | None = option(
        "Write the HTML report, one file with everything in it, to this file."
    )
    json_out: OutputFile | None = option("Write the results as JSON to this file.")
    max_parallel: MaxParallel | None = option(
        "How many jobs run at once; the suite's own figure by default, which is 1 if it has none."
    )
    job_timeout_s: TimeoutSeconds | None = option(
        "End a job that runs longer than this; the suite's own figure by default."
    )

    @model_validator(mode="after")
    def _one_suite(self) -> Self:
        if (self.spec_path is None) == (self.spec is None):
            raise ValueError("give either spec_path (a file) or spec (the suite itself)")
        return self
