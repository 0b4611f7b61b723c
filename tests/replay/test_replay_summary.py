"""A summary's other shapes: JSON, Arrow, pandas, HTML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from adhash.replay import Summary, run_modes

if TYPE_CHECKING:
    from conftest import WriteTrace

FIELDS = [
    "schema", "mode", "engine", "status", "csv", "key_type", "ops", "hits", "misses", "inserts",
    "updates", "deletes_found", "final_size", "elapsed_s", "ops_per_second", "latency_ns", "pauses",
    "probe_hist", "memory", "layout_timeline", "alerts", "verified", "manifest",
]  # fmt: skip


@pytest.fixture
def summaries(write_trace: WriteTrace) -> list[Summary]:
    csv = write_trace(*(f"put,{key},1" for key in range(50)), "get,1,", "get,99,", "del,2,")
    checked = run_modes(csv, mode="swiss", verify=True, environ={})
    return checked + run_modes(csv, mode="std", environ={})


def test_json_has_every_field_of_the_design(summaries: list[Summary]) -> None:
    data = json.loads(summaries[0].to_json())
    assert set(FIELDS) <= set(data)
    assert data["schema"] == "adhash.summary.v1"
    assert data["ops"] == {"total": 53, "get": 2, "put": 50, "del": 1}
    assert set(data["latency_ns"]) == {"overall", "get", "put", "del"}
    assert Summary.model_validate(data) == summaries[0]
    assert summaries[0].to_dict() == data


def test_summary_cannot_be_changed_or_widened(summaries: list[Summary]) -> None:
    with pytest.raises(ValidationError):
        summaries[0].mode = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Summary.model_validate(summaries[0].to_dict() | {"surprise": 1})


def test_summaries_can_be_concatenated_as_arrow(summaries: list[Summary]) -> None:
    table = pa.concat_tables([each.to_arrow() for each in summaries], promote_options="permissive")
    assert table.num_rows == 2
    assert table["mode"].to_pylist() == ["swiss", "std"]
    assert table["verified.mismatches"].to_pylist() == [0, None]
    assert table["latency_ns.get.p99"].to_pylist() == [
        each.latency_ns.get.p99 for each in summaries
    ]


def test_summaries_can_be_concatenated_in_pandas(summaries: list[Summary]) -> None:
    frame = pd.concat([each.to_pandas() for each in summaries], ignore_index=True)
    assert list(frame["ops.total"]) == [53, 53]
    assert list(frame["manifest.noise.verdict"]) == [
        each.manifest.noise.verdict for each in summaries
    ]


def test_html_shows_the_trace_without_running_it(summaries: list[Summary]) -> None:
    named: Any = summaries[0].model_copy(update={"csv": "<script>alert(1)</script>.csv"})
    html = named._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "53 operations" in html
