"""The format ``adhash.workload-dna.v1`` only ever gains fields.

``workload-dna.v1.schema.json`` holds the schema as it was recorded. What it has must stay as it is;
what is new must be recorded: run this file as a program to do so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adhash.analysis.dna import WorkloadDnaResult

GOLDEN = Path(__file__).parent / "workload-dna.v1.schema.json"


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = WorkloadDnaResult.model_json_schema(by_alias=True)
    return _without_prose(schema)


def _without_prose(node: Any) -> Any:
    """Return a schema without descriptions and titles, which may be improved at any time."""
    if isinstance(node, list):
        return [_without_prose(each) for each in node]
    if not isinstance(node, dict):
        return node
    is_named = "properties" in node or "type" in node or "$ref" in node or "anyOf" in node
    dropped = {"description", "title"} if is_named else set()
    kept = {name: _without_prose(part) for name, part in node.items() if name not in dropped}
    return {name: kept[name] for name in sorted(kept)}


def test_the_schema_is_the_recorded_one() -> None:
    assert _schema() == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_the_first_fields_of_the_format_are_still_there() -> None:
    first = {
        "schema", "csv", "trace_sha256", "key_type", "value_type", "rows", "elapsed_s",
        "rows_per_second", "sampling", "operations", "outcomes", "churn", "keys", "skew",
        "hot_keys", "working_set", "reuse_distance", "reuse_gap", "miss_ratio_curve",
        "key_lengths", "value_lengths", "integer_keys",
    }  # fmt: skip
    assert first <= set(_schema()["properties"])


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(_schema(), indent=1) + "\n", encoding="utf-8")
