"""What a conversion did."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adhash.replay.summary import OperationCounts
from adhash.results import Result
from adhash.units import format_bytes, format_rate, format_seconds


class ConvertResult(Result):
    """``adhash.convert.v1``: the trace that was read, and the one that was written."""

    schema_: Literal["adhash.convert.v1"] = Field(
        default="adhash.convert.v1", alias="schema", description="The version of this format."
    )
    trace: str = Field(description="The trace that was read.")
    trace_format: str = Field(description="Its format.")
    trace_sha256: str | None = Field(description="The SHA-256 of its file.")
    out: str = Field(description="The trace that was written.")
    out_format: str = Field(description="Its format.")
    out_bytes: int | None = Field(description="The size of its file; none for standard output.")
    key_type: str = Field(description="The type of the keys.")
    value_type: str = Field(description="The type of the values.")
    ops: OperationCounts = Field(description="The operations by type.")
    elapsed_s: float = Field(description="How long it took.")
    rows_per_second: float = Field(description="Operations written in a second.")

    def _highlights(self) -> dict[str, str]:
        ops = self.ops
        size = "" if self.out_bytes is None else f", {format_bytes(self.out_bytes)}"
        return {
            "trace": f"{self.trace} ({self.trace_format})",
            "out": f"{self.out} ({self.out_format}{size})",
            "operations": f"{ops.total:,}: {ops.get:,} get, {ops.put:,} put, {ops.del_:,} del",
            "types": f"{self.key_type} keys, {self.value_type} values",
            "time": f"{format_seconds(self.elapsed_s)}, {format_rate(self.rows_per_second)}",
        }
