"""What the client asks again, how long it waits before, and when it gives up."""

from __future__ import annotations

import json

import pytest
from scripted_steps import NEVER_JITTERED, Script

from adhash.errors import InvariantError, StorageError
from adhash.service.calls.methods import detail_of, readiness_of, submission
from adhash.service.calls.retrying import Retries, ask
from adhash.service.calls.steps import Answer, DisconnectedError, Request
from adhash.service.errors import (
    DrainingError,
    InvalidRequestError,
    RateLimitedError,
    UnknownJobError,
    UnknownKindError,
)

REQUEST = Request(method="GET", path="/api/jobs")
LOST = DisconnectedError("the connection broke")
DONE = Answer(status=200, body=b"{}")


def refusal(status: int, code: str, **headers: str) -> Answer:
    body = json.dumps({"code": code, "detail": "no", "hint": "wait", "status": status}).encode()
    return Answer(
        status=status, headers={"content-type": "application/problem+json", **headers}, body=body
    )


def test_a_broken_connection_is_tried_again_after_growing_pauses() -> None:
    script = Script([LOST, LOST, LOST, DONE])
    assert script.run(ask(REQUEST, NEVER_JITTERED)) is DONE
    assert script.pauses == [1.0, 2.0, 4.0]


def test_a_server_that_stays_away_is_a_storage_error_with_a_hint() -> None:
    script = Script([LOST] * 4)
    with pytest.raises(StorageError, match="the connection broke") as caught:
        script.run(ask(REQUEST, NEVER_JITTERED))
    assert "adhash serve" in caught.value.hint
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    "busy",
    [
        refusal(429, "rate_limited"),
        refusal(503, "draining"),
        Answer(status=502),
        Answer(status=504),
    ],
    ids=["429", "503", "502", "504"],
)
def test_a_busy_server_is_asked_again(busy: Answer) -> None:
    script = Script([busy, DONE])
    assert script.run(ask(REQUEST, NEVER_JITTERED)) is DONE


def test_a_pause_that_the_server_asks_for_is_kept() -> None:
    script = Script([refusal(429, "rate_limited", **{"retry-after": "7"}), DONE])
    script.run(ask(REQUEST, NEVER_JITTERED))
    assert script.pauses == [7.0]


def test_a_pause_of_more_than_a_minute_is_not_kept() -> None:
    assert NEVER_JITTERED.pause_s(1, asked_s=3600.0) == 60.0


def test_a_server_that_stays_busy_raises_its_own_error() -> None:
    with pytest.raises(DrainingError):
        Script([refusal(503, "draining")] * 4).run(ask(REQUEST, NEVER_JITTERED))
    with pytest.raises(RateLimitedError):
        Script([refusal(429, "rate_limited")]).run(ask(REQUEST, Retries(limit=0)))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(422, "invalid_request"), InvalidRequestError),
        (refusal(404, "unknown_job"), UnknownJobError),
        (refusal(500, "internal"), InvariantError),
    ],
)
def test_a_refusal_that_time_does_not_change_is_raised_at_once(
    answer: Answer, error: type[Exception]
) -> None:
    script = Script([answer])
    with pytest.raises(error):
        script.run(ask(REQUEST, NEVER_JITTERED))
    assert script.pauses == []


def test_a_submission_in_flight_is_asked_for_again_with_the_same_key() -> None:
    in_flight = refusal(409, "idempotency_in_flight")
    script = Script([LOST, in_flight, refusal(422, "invalid_request")])
    with pytest.raises(InvalidRequestError):
        script.run(submission("run-csv", {}, NEVER_JITTERED, idempotency_key=None))
    keys = {request.headers["Idempotency-Key"] for request in script.requests}
    assert len(script.requests) == 3
    assert len(keys) == 1


def test_two_submissions_have_two_keys() -> None:
    keys = set()
    for _ in range(2):
        script = Script([refusal(422, "invalid_request")])
        with pytest.raises(InvalidRequestError):
            script.run(submission("run-csv", {}, NEVER_JITTERED, idempotency_key=None))
        keys |= {request.headers["Idempotency-Key"] for request in script.requests}
    assert len(keys) == 2


def test_half_of_a_pause_is_random() -> None:
    assert Retries(draw=lambda: 0.0, first_s=2.0).pause_s(1) == 1.0
    assert Retries(draw=lambda: 0.5, first_s=2.0).pause_s(1) == 1.5


def test_an_answer_that_is_no_answer_of_the_service_is_told_as_such() -> None:
    page = Answer(status=200, headers={"content-type": "text/html"}, body=b"<html>")
    job = "0" * 26
    with pytest.raises(StorageError, match="JobDetail"):
        Script([page]).run(detail_of(job, NEVER_JITTERED))


def test_a_name_that_no_job_can_have_is_never_sent() -> None:
    with pytest.raises(UnknownJobError):
        Script([]).run(detail_of("../inputs", NEVER_JITTERED))
    with pytest.raises(UnknownKindError, match="run-csv"):
        Script([]).run(submission("shell", {}, NEVER_JITTERED, idempotency_key=None))


def test_a_server_that_takes_no_jobs_says_so_without_being_asked_again() -> None:
    body = {
        "status": "draining",
        "checks": {"store": "ok"},
        "slots": 1,
        "running": 0,
        "queued": 0,
        "sandbox": {},
        "version": "1",
    }
    script = Script([Answer(status=503, body=json.dumps(body).encode())])
    assert script.run(readiness_of(NEVER_JITTERED)).status == "draining"
