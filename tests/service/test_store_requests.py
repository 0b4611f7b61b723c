"""Requests that are sent twice, and done once."""

from __future__ import annotations

import pytest
from made_jobs import Place, SetClock, new_job

from adhash.service.errors import (
    IdempotencyConflictError,
    IdempotencyInFlightError,
    QuotaError,
)
from adhash.service.records import IdempotencyKey, RememberedResponse
from adhash.service.store import Store


def key(digest: str = "one") -> IdempotencyKey:
    return IdempotencyKey(owner="ann", key="the key", digest=digest)


def test_the_same_request_sent_twice_makes_one_job(store: Store) -> None:
    first, is_new = store.add_job(new_job(), max_queued=1, idempotency=key())
    again, is_new_again = store.add_job(new_job(), max_queued=1, idempotency=key())
    assert (is_new, is_new_again) == (True, False)
    assert again == first


def test_a_key_names_one_request(store: Store) -> None:
    store.add_job(new_job(), max_queued=10, idempotency=key())
    with pytest.raises(IdempotencyConflictError, match="the key"):
        store.add_job(new_job(), max_queued=10, idempotency=key("two"))
    other = IdempotencyKey(owner="bob", key="the key", digest="two")
    assert store.add_job(new_job(owner="bob"), max_queued=10, idempotency=other)[1]


def test_a_refused_submission_leaves_its_key_free(store: Store) -> None:
    with pytest.raises(QuotaError):
        store.add_job(new_job(), max_queued=0, idempotency=key())
    assert store.add_job(new_job(), max_queued=10, idempotency=key("two"))[1]


def test_a_key_is_forgotten_after_a_day(store: Store, clock: SetClock) -> None:
    store.add_job(new_job(), max_queued=10, idempotency=key())
    clock.move(24 * 3600 - 1)
    assert not store.add_job(new_job(), max_queued=10, idempotency=key())[1]
    clock.move(2)
    assert store.add_job(new_job(), max_queued=10, idempotency=key("two"))[1]


def test_an_answer_is_remembered(store: Store) -> None:
    answer = RememberedResponse(status=200, body={"url": "/x"})
    assert store.begin_response(key()) is None
    with pytest.raises(IdempotencyInFlightError):
        store.begin_response(key())
    store.finish_response(key(), answer)
    assert store.begin_response(key()) == answer
    with pytest.raises(IdempotencyConflictError):
        store.begin_response(key("two"))


def test_a_key_given_back_can_be_taken_again(store: Store) -> None:
    assert store.begin_response(key()) is None
    store.abandon_response(key())
    assert store.begin_response(key()) is None


def test_an_answer_cut_short_by_the_end_of_the_server_can_be_made_again(
    place: Place, clock: SetClock
) -> None:
    with place.open(clock) as store:
        assert store.begin_response(key()) is None
    with place.open(clock) as store:
        assert store.begin_response(key()) is None
