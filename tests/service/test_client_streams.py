"""Following: nothing missing and nothing twice, wherever the connection breaks."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_steps import NEVER_JITTERED, Script

from adhash.errors import StorageError
from adhash.service.calls.following import EventFeed, LogFeed, follow_feed
from adhash.service.calls.server_sent import EventCutter, LineCutter, ServerSent
from adhash.service.calls.steps import Answer, DisconnectedError
from adhash.service.errors import GoneError
from adhash.service.models import Event, EventsReset, EventType, LogLine

JOB = "01M835H87KN6FWVMERSA297452"
OPEN = Answer(status=200)
END = b""
LOST = DisconnectedError("cut")
SILENT = DisconnectedError("silent", is_silent=True)


def line(number: int) -> bytes:
    told = {
        "seq": number,
        "at": "2026-01-01T00:00:00Z",
        "stream": "stdout",
        "message": f"line {number}",
        "next": f"after-{number}",
    }
    return json.dumps(told).encode() + b"\n"


def event(number: int, kind: str = "progress", **data: Any) -> bytes:
    told = {
        "id": number,
        "job_id": JOB,
        "type": kind,
        "at": "2026-01-01T00:00:00Z",
        "data": data,
    }
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(told)}\n\n".encode()


def detail(status: str) -> Answer:
    path = f"/api/jobs/{JOB}"
    told = {
        **dict.fromkeys(("started_at", "finished_at", "queue_reason", "progress")),
        **dict.fromkeys(("confinement", "result", "error", "metrics_url")),
        "id": JOB,
        "kind": "run-csv",
        "status": status,
        "labels": {},
        "priority": 0,
        "isolation": "shared",
        "owner": "me",
        "request": {},
        "created_at": "2026-01-01T00:00:00Z",
        "timeline": [],
        "attempt": 1,
        "is_cancel_requested": False,
        "artifacts": [],
        "links": dict.fromkeys(("self", "logs", "events", "metrics", "artifacts"), path),
    }
    return Answer(status=200, body=json.dumps(told).encode())


def logs(replies: list[Any], *, since: str | None = None, follow: bool = True) -> Script:
    script = Script(replies)
    feed = LogFeed("/logs", since, follow=follow)
    script.run(follow_feed(feed, JOB, NEVER_JITTERED, is_followed=follow))
    return script


def events(replies: list[Any], **options: Any) -> Script:
    script = Script(replies)
    given = {"after": 0, "follow": True, "types": None, **options}
    feed = EventFeed("/events", given.pop("after"), **given)
    script.run(follow_feed(feed, JOB, NEVER_JITTERED, is_followed=given["follow"]))
    return script


def messages(script: Script) -> list[str]:
    assert all(isinstance(each, LogLine) for each in script.emitted)
    return [each.message for each in script.emitted]


def since_of(script: Script) -> list[str | None]:
    opened = [each for each in script.requests if each.path == "/logs"]
    return [dict(each.query).get("since") for each in opened]


@given(st.lists(st.integers(0, 400), max_size=6))
def test_lines_are_the_same_however_the_blocks_are_cut(places: list[int]) -> None:
    text = b'{"a": 1}\n\r\nlast but one\r\nwhole\nnot whole'
    cutter = LineCutter()
    bounds = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    blocks = [text[a:b] for a, b in itertools.pairwise(bounds)]
    found = [each for block in blocks for each in cutter.lines(block)]
    assert found == [b'{"a": 1}', b"", b"last but one", b"whole"]


@given(st.lists(st.integers(0, 400), max_size=6))
def test_events_are_the_same_however_the_blocks_are_cut(places: list[int]) -> None:
    text = (
        b": hello\nretry: 1\n\nid: 3\nevent: a\ndata: 1\ndata: \xc3\xa9\n\nevent: b\ndata:2\n\nda"
    )
    cutter = EventCutter()
    bounds = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    blocks = [text[a:b] for a, b in itertools.pairwise(bounds)]
    found = [each for block in blocks for each in cutter.events(block)]
    assert found == [ServerSent(name="a", data="1\né"), ServerSent(name="b", data="2")]


def test_output_goes_on_after_the_last_whole_line() -> None:
    half = line(2)[:20]
    script = logs(
        [
            OPEN,
            line(0) + line(1) + half,
            LOST,
            OPEN,
            line(2) + line(3),
            END,
            detail("completed"),
            OPEN,
            END,
        ]
    )
    assert messages(script) == [f"line {number}" for number in range(4)]
    assert since_of(script) == [None, "after-1", "after-3"]


def test_output_that_came_after_the_stream_ended_is_read_once_the_job_has_ended() -> None:
    script = logs([OPEN, line(0), END, detail("completed"), OPEN, line(1), END])
    assert messages(script) == ["line 0", "line 1"]


def test_a_server_that_ends_takes_nothing_from_a_follower() -> None:
    script = logs(
        [
            OPEN,
            line(0),
            END,
            detail("running"),
            LOST,
            OPEN,
            line(1),
            END,
            detail("failed"),
            OPEN,
            END,
        ]
    )
    assert messages(script) == ["line 0", "line 1"]


def test_output_is_read_from_a_token_on_and_not_followed_if_not_asked() -> None:
    script = logs([OPEN, line(5), END], since="after-4", follow=False)
    assert messages(script) == ["line 5"]
    assert since_of(script) == ["after-4"]


def test_a_silent_stream_is_made_anew_without_end() -> None:
    silences = [OPEN, SILENT] * 20
    script = logs([*silences, OPEN, line(0), END, detail("completed"), OPEN, END])
    assert messages(script) == ["line 0"]


def test_a_stream_that_breaks_at_once_each_time_is_given_up() -> None:
    with pytest.raises(StorageError, match="cut"):
        logs([OPEN, LOST] * 4)


def test_deleted_output_is_gone() -> None:
    gone = Answer(
        status=410,
        headers={"content-type": "application/problem+json"},
        body=b'{"code": "gone", "detail": "the logs were deleted"}',
    )
    with pytest.raises(GoneError, match="deleted"):
        logs([gone])


def test_events_go_on_after_the_last_whole_one_and_end_with_the_status() -> None:
    end = event(9, "status", status="completed", reason="done", attempt=1)
    script = events([OPEN, event(4) + event(7)[:30], LOST, OPEN, event(7) + end, LOST])
    assert [each.id for each in script.emitted] == [4, 7, 9]
    assert [each.headers.get("Last-Event-ID") for each in script.requests] == [None, "4"]


def test_a_reset_is_handed_on_and_what_is_left_follows() -> None:
    reset = b'event: reset\ndata: {"oldest": 40}\n\n'
    end = event(41, "status", status="failed", reason="", attempt=1)
    script = events([OPEN, reset + event(40) + end, END], after=12)
    assert script.emitted[0] == EventsReset(oldest=40)
    assert [each.id for each in script.emitted[1:] if isinstance(each, Event)] == [40, 41]


def test_only_the_types_that_were_asked_for_come_out() -> None:
    end = event(3, "status", status="completed", reason="", attempt=1)
    script = events([OPEN, event(1) + event(2, "alert") + end, END], types=[EventType.ALERT])
    assert [each.id for each in script.emitted] == [2]
