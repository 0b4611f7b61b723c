"""The options of ``adhash report``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from adhash.options.base import CommandOptions, InputFile, OutputFile, option

MAX_FILES = 1_000
Title = Annotated[str, Field(min_length=1, max_length=200)]


class ReportOptions(CommandOptions):
    """Which results to report on, and where the report goes."""

    summary: Annotated[tuple[InputFile, ...], Field(min_length=1, max_length=MAX_FILES)] = option(
        "Results as JSON: summaries of replays, one or a list in a file, what --json printed, or "
        "the result of another command or of a suite.",
        default=...,
        positional=True,
    )
    title: Title | None = option("The title; what the replays are of by default.")
    html_report: OutputFile | None = option(
        "Write the report as HTML, one file with everything in it, to this file."
    )
    report: OutputFile | None = option("Write the report as Markdown to this file.")
