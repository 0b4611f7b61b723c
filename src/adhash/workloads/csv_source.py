"""A trace in CSV, as blocks of bytes."""

from __future__ import annotations

from typing import Literal

from adhash.workloads.content_blocks import ContentBlocks


class CsvSource(ContentBlocks):
    """The decompressed bytes of a CSV trace; made by `adhash.workloads.sources.open_trace`."""

    format: Literal["csv"] = "csv"
    # What --format calls it.
    format_name = "csv"
