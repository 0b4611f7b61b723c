"""Traces like another one: what is kept of it, what is made of that, and how the fit is judged."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.analysis.dna import workload_dna
from adhash.analysis.generate_csv import generate_csv
from adhash.analysis.likeness.fit import fit_trace
from adhash.analysis.likeness.likeness import likeness
from adhash.analysis.likeness.reading import TraceRows, read_rows
from adhash.cancellation import CancelToken
from adhash.errors import BadInputError, TraceError
from adhash.workloads.fitted_generator import LikeTrace
from adhash.workloads.fitted_trace import DELETED, LIVE, NEVER_PUT, FittedTrace, state_after

NAMES = ["get", "put", "del"]
Row = tuple[int, int]


def rows_of(
    rows: list[Row], *, key_type: str = "int64", lengths: list[int] | None = None
) -> TraceRows:
    """Return rows of operations and keys as they are read from a trace."""
    values = [key for _, key in rows]
    distinct = list(dict.fromkeys(values))
    number = {key: at for at, key in enumerate(distinct)}
    is_text = key_type == "str"
    return TraceRows(
        ops=np.array([op for op, _ in rows], dtype=np.uint8),
        keys=np.array([number[key] for key in values], dtype=np.int32),
        key_type=key_type,
        value_type="int64",
        values_of_keys=np.array([] if is_text else distinct, dtype=np.int64),
        key_lengths=np.array(lengths[: len(distinct)] if lengths else [], dtype=np.int64),
        value_lengths=np.array([1, 3, 3]),
        is_whole=True,
    )


def made(fitted: FittedTrace, rows: int, *, seed: int = 1) -> list[tuple[str, Any, Any]]:
    like = LikeTrace(fitted, seed=seed)
    table = pa.Table.from_batches(like.batches(rows), like.schema)
    assert table.num_rows == rows
    columns = [table.column(name).to_pylist() for name in ("op", "key", "value")]
    return list(zip(*columns, strict=True))


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 30)), min_size=1, max_size=150)


@settings(max_examples=120, deadline=None)
@given(rows=ROWS, wanted=st.integers(1, 500), seed=st.integers(0, 99))
def test_any_trace_gives_a_well_formed_one_of_any_length(
    rows: list[Row], wanted: int, seed: int
) -> None:
    for op, key, value in made(fit_trace(rows_of(rows), seed=seed), wanted, seed=seed):
        assert op in NAMES
        assert isinstance(key, int)
        assert (value is not None) == (op == "put")
        assert value is None or len(str(value)) in (1, 3)


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, lengths=st.lists(st.integers(1, 14), min_size=40, max_size=40))
def test_as_many_rows_have_the_keys_and_visits_of_the_trace(
    rows: list[Row], lengths: list[int]
) -> None:
    trace = rows_of(rows, key_type="str", lengths=lengths)
    fitted = fit_trace(trace, seed=1)
    assert fitted.sizes.sum() == len({key for _, key in rows})
    assert (fitted.first[1:] >= fitted.first[:-1]).all()
    found = made(fitted, 4 * len(rows))
    of_first_epoch = [key for _, key, _ in found]
    assert {len(key) for key in of_first_epoch} <= {*lengths, 12}
    assert len(set(of_first_epoch)) >= min(fitted.objects, 1)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS)
def test_the_states_of_keys_are_those_that_a_map_has(rows: list[Row]) -> None:
    fitted = fit_trace(rows_of(rows, key_type="str", lengths=[9] * 40), seed=1)
    live: set[int] = set()
    ever: set[int] = set()
    for op, key in rows:
        if op == 1:
            live.add(key)
            ever.add(key)
        elif op == 2:
            live.discard(key)
    # Keys that always do the same, one after the other, are one object of so many keys.
    assert int(fitted.sizes[fitted.first_put < fitted.visits].sum()) == len(ever)
    # The class of an object has its state at the end: what its last visits do leads there.
    lasts = fitted.patterns[fitted.op_groups, LIVE + 4, 0]
    assert len(lasts) == fitted.objects


def test_a_pattern_changes_the_state_as_its_operations_do() -> None:
    get, put, delete = 1, 2, 3
    patterns = np.array(
        [get, put, delete, get | put << 2, put | delete << 2, delete | put << 2], dtype=np.uint8
    )
    assert state_after(patterns, NEVER_PUT).tolist() == [0, LIVE, 0, LIVE, DELETED, LIVE]
    assert state_after(patterns, LIVE).tolist() == [LIVE, LIVE, DELETED, LIVE, DELETED, LIVE]
    assert state_after(patterns, DELETED).tolist() == [2, LIVE, DELETED, LIVE, DELETED, LIVE]


def test_keys_that_are_always_scanned_together_stay_together() -> None:
    rng = np.random.default_rng(1)
    starts = rng.integers(0, 40, 300) * 100
    rows = [(0, int(start) + i) for start in starts for i in range(20)]
    fitted = fit_trace(rows_of(rows), seed=1)
    assert fitted.sizes.tolist() == [20] * fitted.objects
    keys = np.array([key for _, key, _ in made(fitted, len(rows))])
    assert (np.diff(keys) == 1).mean() == pytest.approx(0.95, abs=0.01)


def test_strings_that_are_always_touched_together_stay_together() -> None:
    rng = np.random.default_rng(1)
    rows = [(0, 100 * int(each) + i * 7) for each in rng.integers(0, 40, 400) for i in range(3)]
    fitted = fit_trace(rows_of(rows, key_type="str", lengths=[5] * 120), seed=1)
    assert fitted.sizes.tolist() == [3] * fitted.objects
    keys = [key for _, key, _ in made(fitted, len(rows))]
    assert len({tuple(keys[i : i + 3]) for i in range(0, len(keys), 3)}) == fitted.objects


def test_entries_at_the_end_are_those_of_the_trace() -> None:
    rng = np.random.default_rng(2)
    rows: list[Row] = []
    live: set[int] = set()
    for _ in range(20_000):
        key = int(rng.zipf(1.3)) % 3000
        rows.append((2 if key in live else 1, key))
        live ^= {key}
    left: set[int] = set()
    for op, key, _ in made(fit_trace(rows_of(rows, key_type="int64"), seed=1), len(rows)):
        left.add(key) if op == "put" else left.discard(key)
    assert len(left) == pytest.approx(len(live), rel=0.05)


def test_the_same_seed_gives_the_same_rows_and_another_one_does_not() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (int(op), int(key))
        for op, key in zip(rng.integers(0, 3, 5000), rng.zipf(1.5, 5000) % 400, strict=True)
    ]
    fitted = fit_trace(rows_of(rows), seed=1)
    assert made(fitted, 8000) == made(fitted, 8000)
    assert made(fitted, 8000) != made(fitted, 8000, seed=2)


def test_strings_are_as_long_and_as_distinct_as_those_of_the_trace() -> None:
    # More keys of one and two characters than there are letters, and long ones.
    lengths = [1] * 100 + [2] * 5000 + [30] * 1000 + [600] * 10
    rows = [(1, key) for key in range(len(lengths))]
    fitted = fit_trace(rows_of(rows, key_type="str", lengths=lengths), seed=1)
    found = [key for _, key, _ in made(fitted, len(rows))]
    assert len(set(found)) == len(rows)
    assert (
        sum(len(key) == length for key, length in zip(found, lengths, strict=True))
        == 64 + 64**2 + 1010
    )
    assert all(key.isascii() and "," not in key and '"' not in key for key in found)


def test_keys_of_later_epochs_are_new_where_keys_kept_coming() -> None:
    rows = [(op, key) for key in range(2000) for op in (0, 1)]
    for key_type, lengths in (("int64", None), ("str", [6] * 2000)):
        fitted = fit_trace(rows_of(rows, key_type=key_type, lengths=lengths), seed=1)
        # Scanned integers come in extents, of which the quarter looked at may cut one.
        assert fitted.new_share > 0.9
        found = {key for _, key, _ in made(fitted, 3 * len(rows))}
        assert len(found) == pytest.approx(2000 * (1 + 2 * fitted.new_share), rel=0.1)


def test_keys_of_later_epochs_are_the_old_ones_where_no_new_ones_came() -> None:
    rng = np.random.default_rng(4)
    rows = [(1, key) for key in range(50)] + [(0, int(key)) for key in rng.integers(0, 50, 5000)]
    fitted = fit_trace(rows_of(rows), seed=1)
    assert fitted.new_share == 0.0
    found = made(fitted, 4 * len(rows))
    assert {key for _, key, _ in found} == set(range(50))
    assert sum(op == "put" for op, _, _ in found) == pytest.approx(50, abs=4)


def test_integers_at_the_end_of_their_range_stay_in_it() -> None:
    top = 2**63 - 1
    rows = [(1, top - i) for i in range(500)] + [(1, -(2**63) + i) for i in range(500)]
    found = made(fit_trace(rows_of(rows), seed=1), 5000)
    assert len({key for _, key, _ in found}) > 4000


# ---- files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zipf_trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("like") / "zipf.csv"
    generate_csv(
        path, rows=60_000, keys=5000, preload=5000, distribution="zipf", exponent=0.9, get=80,
        put=10, delete=10, key_type="str", key_length=11, value_length=7,
    )  # fmt: skip
    return path


def test_a_fit_is_checked_and_good_where_requests_are_independent(
    zipf_trace: Path, tmp_path: Path
) -> None:
    result = generate_csv(tmp_path / "like.parquet", like=str(zipf_trace))
    assert result.rows == 60_000
    assert result.fit is not None
    errors = {each.name: each.error for each in result.fit.figures}
    assert result.fit.poor == []
    assert errors["zipf_exponent"] < 0.02
    assert errors["hit_share"] < 0.02
    assert errors["miss_ratio"] < 0.05
    assert errors["mean_key_length"] < 0.01
    assert {"reuse_gap", "working_set", "value_length", "unique_keys"} <= errors.keys()


def test_another_length_is_compared_over_the_length_of_the_trace(
    zipf_trace: Path, tmp_path: Path
) -> None:
    result = generate_csv(tmp_path / "like.csv.zst", like=str(zipf_trace), rows=1000)
    assert result.rows == 1000
    assert result.fit is not None
    assert result.fit.compared_rows == 60_000
    unchecked = generate_csv(
        tmp_path / "other.csv", like=str(zipf_trace), rows=90_000, check_fit=False, like_rows=30_000
    )
    assert unchecked.fit is None
    assert unchecked.rows == 90_000
    with (tmp_path / "other.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["op", "key", "value"]
    assert {len(value) for op, _, value in lines[1:] if op == "put"} == {7}


def test_a_trace_is_like_itself_and_unlike_another(zipf_trace: Path, tmp_path: Path) -> None:
    dna = workload_dna(zipf_trace, hot_keys=0)
    same = likeness(dna, dna, fitted_rows=dna.rows)
    assert same.verdict == "good"
    assert {each.error for each in same.figures} == {0.0}
    other = tmp_path / "other.csv"
    generate_csv(other, rows=60_000, keys=60_000, get=1, put=1, delete=0)
    unlike = likeness(dna, workload_dna(other, hot_keys=0), fitted_rows=dna.rows)
    assert unlike.verdict == "poor"
    assert {"put_share", "unique_keys", "top_1pct_share", "miss_ratio"} <= set(unlike.poor)


def test_rows_are_read_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("op,key,value\nput,5,-12\nget,7,\nput,5,100\ndel,5,\nput,9,7\n")
    rows = read_rows(
        str(path), key_type=None, most_rows=4, cancel=CancelToken(), watch=lambda *_: None,
        environ={},
    )  # fmt: skip
    assert rows.ops.tolist() == [1, 0, 1, 2]
    assert rows.keys.tolist() == [0, 1, 0, 0]
    assert rows.values_of_keys[:2].tolist() == [5, 7]
    assert rows.value_lengths.tolist() == [3, 3]
    assert not rows.is_whole


def test_what_cannot_be_fitted_is_refused(zipf_trace: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("op,key,value\n")
    with pytest.raises(TraceError):
        generate_csv(tmp_path / "o.csv", like=str(empty))
    with pytest.raises(BadInputError, match="does not go with like"):
        generate_csv(tmp_path / "o.csv", like=str(zipf_trace), workload="ycsb-a")
    with pytest.raises(BadInputError, match="does not go with like"):
        generate_csv(tmp_path / "o.csv", like=str(zipf_trace), phase=("5:get=1",))
    with pytest.raises(BadInputError, match="read once"):
        generate_csv(tmp_path / "o.csv", like="-")
    with pytest.raises(BadInputError, match="same file"):
        generate_csv(zipf_trace, like=str(zipf_trace), force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.csv"]
