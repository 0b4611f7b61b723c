"""The options of ``adhash batch``."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from adhash.config_values import Real, Whole
from adhash.options.base import CommandOptions, InputFile, OutputFile, OutputFolder, option


class BatchOptions(CommandOptions):
    """Which suite to run, and where its results go."""

    spec_path: InputFile | None = option("The suite, a TOML or JSON file.", positional=True)
    spec: dict[str, Any] | None = option("The suite itself: its [batch] table as JSON.")
    out_dir: OutputFolder | None = option(
        "The folder for logs, results and reports; runs/batch/NAME by default."
    )
    report: OutputFile | None = option("Write the Markdown report to this file.")
    html_report: OutputFile | None = option("Write the HTML report to this file.")
    json_out: OutputFile | None = option("Write the results as JSON to this file.")
    max_parallel: Annotated[Whole, Field(ge=1, le=1_024)] | None = option(
        "How many jobs run at once; the suite's own figure by default."
    )
    job_timeout_s: Annotated[Real, Field(gt=0, le=604_800)] | None = option(
        "End a job that runs longer than this; the suite's own figure by default."
    )

    @model_validator(mode="after")
    def _one_suite(self) -> Self:
        if (self.spec_path is None) == (self.spec is None):
            raise ValueError("give either spec_path (a file) or spec (the suite itself)")
        return self
