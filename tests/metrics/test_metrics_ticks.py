"""The tick, its schema and the file check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adhash.errors import BadInputError, StorageError
from adhash.metrics.ticks import Tick, generate_schema, json_schema
from adhash.metrics.validation import MAX_PROBLEMS, validate


def write_lines(path: Path, *ticks: object) -> Path:
    path.write_text("".join(json.dumps(tick) + "\n" for tick in ticks), encoding="utf-8")
    return path


def test_tick_survives_its_own_json(fields: dict[str, Any]) -> None:
    tick = Tick.model_validate(fields)
    assert Tick.model_validate(json.loads(tick.to_json())) == tick
    assert json.loads(tick.to_json()) == fields


def test_published_schema_is_the_one_the_model_defines() -> None:
    assert json_schema() == generate_schema()


def test_schema_requires_every_field_of_the_design() -> None:
    assert set(json_schema()["required"]) == {
        "schema", "t", "backend", "ops", "ops_by_type", "migrations", "compactions", "load_factor",
        "max_group_len", "avg_probe_estimate", "tombstone_ratio", "probe_hist", "latency_ms",
        "latency_hist_ms", "memory_bytes", "alerts", "events",
    }  # fmt: skip


def test_valid_file_is_reported_with_its_ticks_and_backends(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    later = fields | {"t": 0.4}
    other = fields | {"backend": "std", "t": 0.1}
    report = validate(write_lines(tmp_path / "ticks", fields, later, other))
    assert (report.ticks, report.backends) == (3, ("swiss", "std"))


def test_added_fields_are_allowed_at_every_level(tmp_path: Path, fields: dict[str, Any]) -> None:
    fields["extra"] = {"anything": [1, None]}
    fields["latency_ms"] = fields["latency_ms"] | {"get": {"p50": 1, "p90": 2, "p99": 3, "p999": 4}}
    fields["events"] = [{"t": 0, "kind": "note", "message": "hello", "colour": "red"}]
    assert validate(write_lines(tmp_path / "ticks", fields)).ticks == 1


@pytest.mark.parametrize("name", sorted(json_schema()["required"]))
def test_missing_field_is_refused_with_line_and_name(
    tmp_path: Path, fields: dict[str, Any], name: str
) -> None:
    broken = {key: value for key, value in fields.items() if key != name}
    with pytest.raises(BadInputError, match=rf"line 2: {name}"):
        validate(write_lines(tmp_path / "ticks", fields, broken))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "metrics.v2"}, "schema"),
        ({"t": -1.0}, "t: "),
        ({"t": "0.2"}, "t: "),
        ({"ops": 6.5}, "ops: "),
        ({"ops": True}, "ops: "),
        ({"ops": 7}, "ops_by_type sums to 6, but ops is 7"),
        ({"ops_by_type": {"get": 3, "put": 3}}, "must name get, put and del"),
        ({"ops_by_type": {"get": 3, "put": 2, "del": 1, "scan": 0}}, "ops_by_type.scan"),
        ({"backend": ""}, "backend"),
        ({"probe_hist": [1, -1]}, "probe_hist.1"),
        ({"latency_ms": {"get": {"p50": 2, "p90": 1, "p99": 3}}}, "quantiles must ascend"),
        ({"latency_ms": {"get": {"p50": 1, "p90": 4, "p99": 3}}}, "quantiles must ascend"),
        ({"latency_hist_ms": {"get": [{"le": 1.0, "count": 1}]}}, 'must have le "+Inf"'),
        ({"latency_hist_ms": {"get": []}}, 'must have le "+Inf"'),
        ({"latency_hist_ms": {"get": [{"le": "inf", "count": 1}]}}, "latency_hist_ms.get.0.le"),
    ],
)
def test_change_of_meaning_is_refused(
    tmp_path: Path, fields: dict[str, Any], change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        validate(write_lines(tmp_path / "ticks", fields | change))
    assert "line 1: " in refused.value.detail
    assert complaint in refused.value.detail


@pytest.mark.parametrize(
    ("buckets", "complaint"),
    [
        ([(1.0, 2), (2.0, 1), ("+Inf", 2)], "must not fall"),
        ([(2.0, 1), (1.0, 1), ("+Inf", 2)], "bounds must ascend"),
        ([("+Inf", 1), ("+Inf", 2)], "only the last bucket"),
    ],
)
def test_histogram_out_of_order_is_refused(
    fields: dict[str, Any], buckets: list[tuple[object, int]], complaint: str
) -> None:
    fields["latency_hist_ms"] = {"get": [{"le": le, "count": count} for le, count in buckets]}
    with pytest.raises(ValidationError, match=complaint):
        Tick.model_validate(fields)


@pytest.mark.parametrize("counter", ["t", "migrations", "compactions"])
def test_counter_that_falls_is_refused(
    tmp_path: Path, fields: dict[str, Any], counter: str
) -> None:
    before = fields | {counter: 5}
    with pytest.raises(BadInputError, match=f"line 2: {counter} fell from 5"):
        validate(write_lines(tmp_path / "ticks", before, fields | {counter: 4}))


def test_bucket_count_that_falls_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    emptied = [{"le": 0.001, "count": 1}, {"le": 1.0, "count": 3}, {"le": "+Inf", "count": 3}]
    after = fields | {"latency_hist_ms": fields["latency_hist_ms"] | {"get": emptied}}
    with pytest.raises(BadInputError, match=r"line 2: latency_hist_ms.get\[le=0.001\] fell"):
        validate(write_lines(tmp_path / "ticks", fields, after))


def test_counters_restart_with_another_backend(tmp_path: Path, fields: dict[str, Any]) -> None:
    anew = fields | {"backend": "std", "ops": 0, "ops_by_type": {"get": 0, "put": 0, "del": 0}}
    assert validate(write_lines(tmp_path / "ticks", fields, anew)).ticks == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "holds no tick"),
        (b"\n", "line 1: empty"),
        (b"{\n", "line 1: not JSON"),
        (b"\xff\xfe\n", "line 1: not JSON"),
        (b"[1]\n", "line 1: a tick is an object; got list"),
        (b'{"t": NaN}\n', "line 1: NaN is not a JSON number"),
        (b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_line_that_is_no_tick_is_refused(tmp_path: Path, text: bytes, complaint: str) -> None:
    (tmp_path / "ticks").write_bytes(text)
    with pytest.raises(BadInputError) as refused:
        validate(tmp_path / "ticks")
    assert complaint in refused.value.detail


def test_check_stops_after_enough_problems(tmp_path: Path) -> None:
    (tmp_path / "ticks").write_text("x\n" * 1000, encoding="utf-8")
    with pytest.raises(BadInputError) as refused:
        validate(tmp_path / "ticks")
    assert refused.value.detail.count("line ") == MAX_PROBLEMS


@pytest.mark.parametrize("name", ["absent", "."])
def test_unreadable_file_is_a_storage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        validate(tmp_path / name)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_gives_an_answer_and_no_other_error(value: object) -> None:
    with pytest.raises(ValidationError):
        Tick.model_validate({"schema": value})
