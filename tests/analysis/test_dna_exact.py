"""Figures that claim to be exact are those of a plain model, however the trace is cut."""

from __future__ import annotations

import itertools
import math
from collections import Counter, OrderedDict

import pytest
from dna_model import Model, Row, analysed
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.analysis.dna.figures import figures_of
from adhash.analysis.dna.result import Distribution, MissRatioCurve, WorkingSet

KEYS = st.integers(0, 30) | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(st.sampled_from(["get", "put", "del"]), KEYS), min_size=1, max_size=200)
# A loaded machine is no fault.
PATIENT = settings(deadline=None)
BLOCKS = st.integers(1, 80)


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_outcomes_are_those_of_a_map(rows: list[Row], block_rows: int) -> None:
    model = Model.of(rows)
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)
    outcomes, counted = found["outcomes"], model.outcomes
    assert outcomes.is_exact
    assert outcomes.hits == counted["hit"]
    assert outcomes.misses_never_put == counted["miss never put"]
    assert outcomes.misses_deleted == counted["miss deleted"]
    assert outcomes.inserts == counted["insert first"] + counted["insert again"]
    assert outcomes.updates == counted["update"]
    assert outcomes.deletes_found == counted["delete found"]
    assert outcomes.deletes_missed == counted["delete missed"]
    assert (outcomes.final_entries, outcomes.peak_entries) == (len(model.live), model.peak)
    assert found["churn"].reinserts == counted["insert again"]
    assert found["operations"].put.count == sum(op == "put" for op, _ in rows)


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_entries_live_from_insertion_to_deletion(rows: list[Row], block_rows: int) -> None:
    model = Model.of(rows)
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)["churn"]
    lifetimes = found.lifetimes
    assert lifetimes.count == len(model.lifetimes)
    for bucket in lifetimes.buckets:
        within = sum(bucket.from_ <= rows < bucket.below for rows in model.lifetimes)
        assert bucket.count == within
    if not model.lifetimes:
        assert (lifetimes.p50, found.unread_share) == (None, None)
        return
    median = sorted(model.lifetimes)[math.ceil(len(model.lifetimes) / 2) - 1]
    assert lifetimes.p50 <= median < max(lifetimes.p50 + 1, lifetimes.p50 * 1.25 + 1)
    assert found.unread_share == pytest.approx(model.unread / len(model.lifetimes))


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_negative_lookups_are_told_apart(rows: list[Row], block_rows: int) -> None:
    model = Model.of(rows)
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)[
        "negative_lookups"
    ]
    never = {key: gets for key, gets in model.early_gets.items() if key not in model.ever_put}
    assert found.never_put == sum(never.values())
    assert found.never_put_keys == len(never)
    assert found.put_later == model.early_gets.total() - found.never_put
    assert found.deleted == model.outcomes["miss deleted"]
    assert found.count == found.never_put + found.put_later + found.deleted


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_keys_are_counted(rows: list[Row], block_rows: int) -> None:
    model = Model.of(rows)
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=1000)
    counts = model.rows_of
    assert found["keys"].unique == len(counts)
    assert found["keys"].never_put == len(set(counts) - model.ever_put)
    once = sum(count == 1 for count in counts.values())
    assert found["keys"].once_only_share == pytest.approx(once / len(counts))
    assert found["keys"].entropy_bits == pytest.approx(model.entropy_bits(), abs=1e-9)
    assert {key.key: key.count for key in found["hot_keys"].keys} == counts
    listed = [key.count for key in found["hot_keys"].keys]
    assert listed == sorted(listed, reverse=True)
    top = sorted(counts.values(), reverse=True)
    assert found["skew"].top_key_share == pytest.approx(top[0] / len(rows))
    tenth = max(1, len(top) // 10)
    assert found["skew"].top_10pct_share == pytest.approx(sum(top[:tenth]) / len(rows))
    half = next(n for n in range(1, len(top) + 1) if sum(top[:n]) >= len(rows) / 2)
    assert found["skew"].keys_for_half == half


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_reuse_distances_are_those_of_an_lru_stack(rows: list[Row], block_rows: int) -> None:
    model = Model.of(rows)
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)
    _check_distribution(found["reuse_distance"], model.distances)
    _check_distribution(found["reuse_gap"], model.gaps)


def _check_distribution(found: Distribution, expected: list[int | None]) -> None:
    numbers = sorted(number for number in expected if number is not None)
    assert found.first_accesses == expected.count(None)
    assert sum(bucket.count for bucket in found.buckets) == len(numbers)
    for bucket in found.buckets:
        assert bucket.count == sum(bucket.from_ <= number < bucket.below for number in numbers)
    for share, value in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99)):
        if not numbers:
            assert value is None
            continue
        exact = numbers[math.ceil(share * len(numbers)) - 1]
        assert value is not None
        assert value <= exact < max(value + 1, value * 1.25 + 1)


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_the_miss_ratio_curve_is_that_of_simulated_caches(rows: list[Row], block_rows: int) -> None:
    curve: MissRatioCurve = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)[
        "miss_ratio_curve"
    ]
    gets = sum(op == "get" for op, _ in rows)
    for point in curve.points:
        missed = _missed_by_cache(rows, point.entries)
        assert point.of_rows == pytest.approx(missed.total() / len(rows))
        if gets:
            assert point.of_gets == pytest.approx(missed["get"] / gets)
        else:
            assert point.of_gets is None
    keys = len({key for _, key in rows})
    assert curve.points[-1].of_rows == pytest.approx(keys / len(rows))


def _missed_by_cache(rows: list[Row], entries: int) -> Counter[str]:
    cache: OrderedDict[int, None] = OrderedDict()
    missed: Counter[str] = Counter()
    for op, key in rows:
        missed[op] += key not in cache
        cache[key] = None
        cache.move_to_end(key)
        if len(cache) > entries:
            cache.popitem(last=False)
    return missed


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_windows_hold_the_distinct_keys_of_their_rows(rows: list[Row], block_rows: int) -> None:
    found: WorkingSet = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)[
        "working_set"
    ]
    width = found.window_rows
    assert len(found.windows) == -(-len(rows) // width) <= 40
    assert width == 1 or len(found.windows) >= 20
    before: set[int] = set()
    last: set[int] = set()
    for at, window in enumerate(found.windows):
        part = rows[at * width : (at + 1) * width]
        keys = {key for _, key in part}
        assert window.first_row == at * width
        assert (window.distinct, window.new) == (len(keys), len(keys - before))
        assert window.shared == len(keys & last)
        ops = Counter(op for op, _ in part)
        assert (window.get, window.put, window.del_) == (ops["get"], ops["put"], ops["del"])
        before |= keys
        last = keys


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_steps_between_integer_keys_are_counted(rows: list[Row], block_rows: int) -> None:
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)["integer_keys"]
    keys = [key for _, key in rows]
    steps = [after - before for before, after in itertools.pairwise(keys)]
    assert (found.min, found.max) == (min(keys), max(keys))
    assert found.density == pytest.approx(len(set(keys)) / (max(keys) - min(keys) + 1))
    assert found.sequential_share == pytest.approx(steps.count(1) / len(rows))
    assert found.same_key_share == pytest.approx(steps.count(0) / len(rows))
    assert found.descending_share == pytest.approx(steps.count(-1) / len(rows))
    assert found.ascending_share == pytest.approx(sum(s > 0 for s in steps) / len(rows))
    runs = [len(list(run)) for is_next, run in itertools.groupby(s == 1 for s in steps) if is_next]
    assert found.longest_run == max(runs, default=0)
    assert found.run_share == pytest.approx(sum(run for run in runs if run >= 8) / len(rows))
    assert found.common_step == math.gcd(*(key - keys[0] for key in keys))
    multiples = (max(keys) - min(keys)) // max(found.common_step, 1) + 1
    assert found.step_density == pytest.approx(len(set(keys)) / multiples)


@given(start=st.integers(-1000, 1000), length=st.integers(2, 100), step=st.integers(1, 64))
@PATIENT
def test_a_scan_is_one_run(start: int, length: int, step: int) -> None:
    rows = [("get", start + step * n) for n in range(length)]
    found = figures_of(analysed(rows), count_of_hot_keys=0)["integer_keys"]
    assert found.longest_run == (length - 1 if step == 1 else 0)
    assert (found.common_step, found.step_density) == (step, 1.0)


@given(rows=ROWS, block_rows=BLOCKS)
@PATIENT
def test_lengths_are_those_of_the_text(rows: list[Row], block_rows: int) -> None:
    found = figures_of(analysed(rows, block_rows=block_rows), count_of_hot_keys=0)
    _check_lengths(found["key_lengths"], [len(str(key)) for _, key in rows])
    _check_lengths(found["value_lengths"], [len(str(key)) for op, key in rows if op == "put"])


def _check_lengths(found: object, lengths: list[int]) -> None:
    lengths.sort()
    expected = {"count": len(lengths), "mean": 0.0, "min": 0, "p50": 0, "p90": 0, "max": 0}
    if lengths:
        expected |= {"mean": sum(lengths) / len(lengths), "min": lengths[0], "max": lengths[-1]}
        expected |= {f"p{q}": lengths[math.ceil(q * len(lengths) / 100) - 1] for q in (50, 90)}
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value), name
