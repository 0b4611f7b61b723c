"""What a table held before a piece of a trace is inferred from the piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_traces import (
    Row,
    churn,
    hits_of,
    independent,
    operations,
    pieces_of,
    read_through,
    weights,
)

from adhash.analysis.profile.history import History, infer_history
from adhash.analysis.profile.operations import Operations
from adhash.errors import InterruptedRunError


def replayed(pieces: Sequence[Operations], history: History) -> list[tuple[int, int, int]]:
    """Return hits, inserts and deletes of each piece, by running it on the restored set."""
    held: set[object] = set()
    found = []
    for piece, restoration in zip(pieces, history.restorations, strict=True):
        present = history.dictionary.take(restoration.present).to_pylist()
        absent = history.dictionary.take(restoration.absent).to_pylist()
        assert held.isdisjoint(present)
        assert held.issuperset(absent)
        held = (held - set(absent)) | set(present)
        hits = inserts = deletes = 0
        for op, key in zip(piece.ops.tolist(), piece.keys.to_pylist(), strict=True):
            hits += op == 0 and key in held
            inserts += op == 1 and key not in held
            deletes += op == 2 and key in held
            held = held | {key} if op == 1 else held - {key} if op == 2 else held
        found.append((hits, inserts, deletes))
    assert len(held) == history.live
    return found


@pytest.mark.parametrize("trace", [read_through(20_000, 2_000), churn(20_000, 500)])
def test_a_whole_trace_needs_no_inference(trace: list[Row]) -> None:
    history = infer_history([operations(trace)], [1.0], seed=1)

    assert history.outcomes[0].hits == hits_of(trace, 0, len(trace))
    assert len(history.restorations[0].present) == 0
    assert history.unique_keys == len({key for _, key, _ in trace})


def test_a_cache_that_reads_through_shows_what_it_held() -> None:
    trace = read_through(40_000, 2_000)
    starts, pieces = pieces_of(trace, count=8, size=500)

    history = infer_history(pieces, weights(pieces, 40_000), seed=1)

    true_hits = sum(hits_of(trace, start, start + 500) for start in starts)
    cold_hits = sum(infer_history([piece], [1.0], seed=1).outcomes[0].hits for piece in pieces)
    found = sum(outcome.hits for outcome in history.outcomes)
    assert cold_hits < 0.6 * true_hits, "the pieces must not be trivial"
    assert abs(found - true_hits) < 0.02 * true_hits


def test_deletions_find_what_was_put_before_the_piece() -> None:
    trace = churn(40_000, 2_000)
    _, pieces = pieces_of(trace, count=8, size=500)

    history = infer_history(pieces, weights(pieces, 40_000), seed=1)

    dels = sum(outcome.dels for outcome in history.outcomes)
    assert dels > 500
    assert sum(outcome.deletes for outcome in history.outcomes) > 0.98 * dels
    assert sum(outcome.inserts for outcome in history.outcomes) > 0.98 * sum(
        outcome.puts for outcome in history.outcomes
    )


def test_deletions_that_no_piece_explains_are_taken_to_find_their_key() -> None:
    # Keys are put, read at once, and deleted so much later that no piece shows both.
    trace: list[Row] = []
    for number in range(10_000):
        trace += [("put", number, "1"), ("get", number, ""), ("get", number, "")]
        if number >= 3_000:
            trace.append(("del", number - 3_000, ""))
    _, pieces = pieces_of(trace, count=8, size=500)

    history = infer_history(pieces, weights(pieces, len(trace)), seed=1)

    deletions = sum(outcome.dels for outcome in history.outcomes)
    assert deletions > 500
    assert sum(outcome.deletes for outcome in history.outcomes) > 0.9 * deletions


def test_presence_follows_from_recurrence_where_signs_tell_nothing() -> None:
    trace = independent(200_000, 20_000)
    starts, pieces = pieces_of(trace, count=20, size=500)

    history = infer_history(pieces, weights(pieces, len(trace)), seed=1)

    true_hits = sum(hits_of(trace, start, start + 500) for start in starts)
    found = sum(outcome.hits for outcome in history.outcomes)
    assert true_hits > 2_000
    assert abs(found - true_hits) < 0.25 * true_hits


@pytest.mark.parametrize("op", ["get", "put", "del"])
def test_a_trace_of_one_operation_only_is_taken_as_it_is(op: str) -> None:
    trace = [(op, key % 700, "") for key in range(5_000)]
    _, pieces = pieces_of(trace, count=4, size=300)

    history = infer_history(pieces, weights(pieces, 40_000), seed=1)

    assert replayed(pieces, history) == [(o.hits, o.inserts, o.deletes) for o in history.outcomes]
    if op != "put":
        assert history.live == 0


def test_the_same_seed_draws_the_same_states() -> None:
    _, pieces = pieces_of(read_through(9_000, 500), count=5, size=200)

    first, again = (infer_history(pieces, weights(pieces, 9_000), seed=3) for _ in range(2))

    assert first.outcomes == again.outcomes
    for one, other in zip(first.restorations, again.restorations, strict=True):
        assert np.array_equal(one.present, other.present)


def test_inference_can_be_ended() -> None:
    def stop() -> None:
        raise InterruptedRunError("enough")

    with pytest.raises(InterruptedRunError):
        infer_history([operations([("put", 1, "1")])], [1.0], seed=1, require_going_on=stop)


_rows = st.lists(
    st.tuples(st.sampled_from(["get", "put", "del"]), st.integers(0, 8), st.just("")), min_size=1
)


@settings(deadline=None)
@given(
    parts=st.lists(_rows, min_size=1, max_size=6),
    weight=st.floats(1, 1e6),
    seed=st.integers(0, 99),
)
def test_outcomes_are_those_of_a_set_that_was_restored(
    parts: list[list[Row]], weight: float, seed: int
) -> None:
    pieces = [operations(part) for part in parts]

    history = infer_history(pieces, [weight] * len(pieces), seed=seed)

    assert replayed(pieces, history) == [(o.hits, o.inserts, o.deletes) for o in history.outcomes]
    assert [outcome.rows for outcome in history.outcomes] == [len(part) for part in parts]
