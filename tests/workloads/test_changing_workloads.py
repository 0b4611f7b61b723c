"""Keys that are replaced or expire, and mixes that change at given rows."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest
from goodness import deviation
from hypothesis import given, settings
from hypothesis import strategies as st

from adhash.errors import BadInputError
from adhash.workloads.expiry import Expiry, Lifetimes
from adhash.workloads.generators import operations
from adhash.workloads.phases import Phase, read_phase
from adhash.workloads.seeded import SeededStream
from adhash.workloads.trace_spec import TraceSpec

GET, PUT, DEL = range(3)
NO_MIX: dict[str, Any] = {"get": 0, "put": 0, "delete": 0}


def rows_of(spec: TraceSpec) -> tuple[np.ndarray, np.ndarray]:
    blocks = list(operations(spec))
    assert max(len(block.ops) for block in blocks) <= 65_536
    ops = np.concatenate([block.ops for block in blocks])
    assert len(ops) == spec.rows
    return ops, np.concatenate([block.ranks for block in blocks])


# ---- churn at steady size ------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    keys=st.integers(1, 60),
    lifetime=st.sampled_from(["geometric", "fixed", "skewed"]),
    distribution=st.sampled_from(["uniform", "zipf", "latest", "hotspot"]),
    seed=st.integers(0, 2**32),
)
def test_replacing_keeps_the_number_of_keys_and_touches_live_ones_only(
    keys: int, lifetime: Any, distribution: str, seed: int
) -> None:
    spec = TraceSpec(
        rows=1500 + keys, keys=keys, preload=keys, distribution=distribution, lifetime=lifetime,
        seed=seed, **{**NO_MIX, "get": 2, "put": 1, "rmw": 1, "replace": 3},
    )  # fmt: skip
    live: set[int] = set()
    ever: set[int] = set()
    previous = (PUT, -1)
    for op, key in zip(*(each.tolist() for each in rows_of(spec)), strict=True):
        if len(ever) >= keys and previous[0] == DEL:
            assert op == PUT
            assert key not in ever
        elif len(ever) >= keys:
            assert key in live
        live.discard(key) if op == DEL else None
        live.add(key) if op == PUT else None
        ever.add(key) if op == PUT else None
        assert len(live) <= keys
        previous = (op, key)
    assert len(ever) > keys


def lifetimes_in_replacements(lifetime: Any, keys: int) -> np.ndarray:
    spec = TraceSpec(
        rows=400_000, keys=keys, preload=keys, lifetime=lifetime, **{**NO_MIX, "replace": 1}
    )
    ops, ranks = rows_of(spec)
    deleted = ranks[keys:][ops[keys:] == DEL]
    # Key keys + i came with replacement i.
    came = deleted - keys
    return (np.arange(len(deleted)) - came)[came >= 0]


def test_lifetimes_are_geometric_fixed_or_skewed() -> None:
    assert (lifetimes_in_replacements("fixed", 300) == 300).all()
    keys = 50
    lived = lifetimes_in_replacements("geometric", keys)[1000:-1000] - 1
    pmf = (1 / keys) * (1 - 1 / keys) ** np.arange(lived.max() + 1)
    assert abs(deviation(lived, pmf)) < 4
    skewed = lifetimes_in_replacements("skewed", 300)
    assert np.median(skewed) < 60
    assert skewed.max() > 3000


# ---- expiry --------------------------------------------------------------------------------------


class FixedDraws:
    """Lifetimes from a list, in the order of the puts."""

    def __init__(self, lifetimes: list[int]) -> None:
        self._rest = lifetimes

    def draw(self, count: int) -> np.ndarray:
        drawn, self._rest = self._rest[:count], self._rest[count:]
        return np.array(drawn, dtype=np.int64)


def expired_by_model(rows: list[tuple[int, int]], lifetimes: list[int]) -> list[tuple[int, int]]:
    """Return the rows with deletes of what expired, keys of one moment in ascending order."""
    found: list[tuple[int, int]] = []
    ends: dict[int, int] = {}
    draws = iter(lifetimes)
    for now, (op, key) in enumerate(rows):
        for due in sorted(each for each, end in ends.items() if end == now):
            found.append((DEL, due))
            del ends[due]
        found.append((op, key))
        if op == PUT:
            ends[key] = now + next(draws)
        elif op == DEL:
            ends.pop(key, None)
    return found


def in_order(rows: list[tuple[int, int]]) -> list[object]:
    """Return rows with runs of deletes as sets: those of one moment come in any order."""
    found: list[object] = []
    for op, key in rows:
        if op == DEL and found and isinstance(found[-1], frozenset):
            found[-1] = found[-1] | {key}
        else:
            found.append(frozenset({key}) if op == DEL else (op, key))
    return found


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=120),
    lifetimes=st.lists(st.integers(1, 40), min_size=120, max_size=120),
    block=st.integers(1, 50),
)
def test_a_key_is_deleted_its_lifetime_after_its_last_put(
    rows: list[tuple[int, int]], lifetimes: list[int], block: int
) -> None:
    ops = np.array([op for op, _ in rows], dtype=np.uint8)
    keys = np.array([key for _, key in rows], dtype=np.int64)
    blocks = [(ops[i : i + block], keys[i : i + block]) for i in range(0, len(rows), block)]
    expiry = Expiry(FixedDraws(lifetimes))  # type: ignore[arg-type]
    found = [
        (int(op), int(key))
        for some_ops, some_keys in expiry.add_to(blocks)
        for op, key in zip(some_ops, some_keys, strict=True)
    ]
    assert in_order(found) == in_order(expired_by_model(rows, lifetimes))


def test_expiry_reaches_over_many_blocks() -> None:
    spec = TraceSpec(rows=500_000, keys=10_000_000, ttl=150_000, **{**NO_MIX, "put": 1}, seed=4)
    ops, ranks = rows_of(spec)
    is_del = ops == DEL
    time = np.cumsum(~is_del)
    put_at = dict(zip(ranks[~is_del].tolist(), time[~is_del].tolist(), strict=True))
    once = collections.Counter(ranks[~is_del].tolist())
    lived = [
        now - put_at[key]
        for key, now in zip(ranks[is_del].tolist(), time[is_del].tolist(), strict=True)
        if once[key] == 1
    ]
    assert len(lived) > 100_000
    # The delete stands in front of the row at which the key expires.
    assert set(lived) == {149_999}


@pytest.mark.parametrize(("spread", "most"), [("uniform", 199), ("exponential", 2000)])
def test_lifetimes_have_the_mean_asked_for(spread: Any, most: int) -> None:
    drawn = Lifetimes(100, spread, SeededStream(1, 0)).draw(200_000)
    assert drawn.min() == 1
    assert drawn.max() <= most
    assert drawn.mean() == pytest.approx(100.5 if spread == "exponential" else 100, rel=0.01)
    if spread == "uniform":
        assert abs(deviation(drawn - 1, np.full(199, 1 / 199))) < 4


# ---- phases --------------------------------------------------------------------------------------


def test_the_mix_and_the_distribution_change_at_the_row_given() -> None:
    spec = TraceSpec(
        rows=300_000, keys=1000, **{**NO_MIX, "get": 1},
        phases=(read_phase("100000:get=1,put=3"), read_phase("200001: distribution=zipf, del=4")),
    )  # fmt: skip
    ops, ranks = rows_of(spec)
    assert (ops[:100_000] == GET).all()
    assert (ops[100_000:200_001] == PUT).mean() == pytest.approx(0.75, abs=0.01)
    assert (ops[100_000:200_001] == DEL).sum() == 0
    assert (ops[200_001:] == DEL).mean() == pytest.approx(0.5, abs=0.01)
    hottest = (ranks[200_001:][ops[200_001:] == GET] == 0).mean()
    assert hottest == pytest.approx(1 / (np.arange(1, 1001) ** -0.99).sum(), abs=0.01)


def test_the_working_set_moves_in_a_phase_and_again_and_again() -> None:
    spec = TraceSpec(
        rows=500_000, keys=1000, distribution="zipf", exponent=2,
        phases=(read_phase("50000:move=0.5"),), move_every=100_000, move_by=0.1,
        **{**NO_MIX, "get": 1},
    )  # fmt: skip
    _, ranks = rows_of(spec)
    hottest = [
        int(np.bincount(ranks[start : start + 50_000]).argmax())
        for start in (0, 50_000, 100_000, 200_000, 300_000)
    ]
    assert hottest == [0, 500, 600, 700, 800]


def test_a_phase_of_row_0_is_there_from_the_beginning() -> None:
    spec = TraceSpec(
        rows=100, keys=10, **{**NO_MIX, "get": 1}, phases=(read_phase("0:get=0,put=1"),)
    )
    assert (rows_of(spec)[0] == PUT).all()


def test_a_phase_is_read_from_its_text() -> None:
    assert read_phase("5:get=1,move=0.5,max-scan=3,del=2") == Phase(
        row=5, changes={"get": 1.0, "max_scan": 3, "delete": 2.0}, move=0.5
    )


@pytest.mark.parametrize(
    "text", ["", "5", "x:get=1", "-5:get=1", "5:", "5:get", "5:get=x", "5:rows=7", "5:max_scan=1.5"]
)
def test_a_text_that_is_no_phase_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="phase"):
        read_phase(text)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"phases": (read_phase("5:put=1"), read_phase("5:put=2"))}, "does not come after"),
        ({"phases": (read_phase("5:get=-1"),)}, "get must be in"),
        ({"phases": (read_phase("5:get=0,put=0,del=0"),)}, "all 0"),
        ({"phases": (read_phase("5:distribution=sequential"),)}, "sequential"),
        ({"phases": (read_phase("5:insert=5"),), "replace": 5, "delete": 0}, "keeps the number"),
        ({"replace": 5}, "keeps the number"),
        ({"replace": 5, "delete": 0, "ttl": 7}, "keeps the number"),
        ({"distribution": "sequential", "ttl": 7}, "does not go with"),
        ({"distribution": "sequential", "phases": (Phase(row=1, changes={}, move=0.5),)}, "move"),
        ({"key_bits": 4, "keys": 16, "phases": (read_phase("5:insert=5"),)}, "do not fit"),
        ({"lifetime": "eternal"}, "lifetime"),
        ({"ttl_spread": "gamma"}, "ttl_spread"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        TraceSpec(**{"rows": 10, "keys": 100, **wrong})
