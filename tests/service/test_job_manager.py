"""The manager in process: real runners, real files, real ends."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adhash.errors import StorageError
from adhash.service.errors import (
    DrainingError,
    GoneError,
    IdempotencyConflictError,
    InvalidRequestError,
    NotFinishedError,
    UnknownJobError,
)
from adhash.service.intake import Caller
from adhash.service.job import Job
from adhash.service.jobs import JobManager
from adhash.service.lifecycle import AttemptStarted, Status
from adhash.service.logs import raw_bytes
from adhash.service.models import EventType
from adhash.service.processes import find_process
from adhash.service.settings import load_service_settings

END_S = 60.0
# A replay at this rate takes hours: a job that is there to be ended.
SLOW = {"sample": "identifiers", "mode": "swiss", "rate": 10}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[JobManager]:
    settings = load_service_settings({}, max_concurrent_jobs=2, cancel_grace_s=2.0, lease_s=60.0)
    with JobManager(tmp_path / "jobs", settings=settings) as manager:
        yield manager
        manager.close(cancel=True)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that must come about; fail when it does not."""
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about within a minute")


def running(manager: JobManager, **request: object) -> Job:
    job = manager.run_csv(**{**SLOW, **request})
    until(lambda: job.poll() is Status.RUNNING and job.detail.progress is not None)
    return job


def test_the_example_of_the_design_works_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo.csv").write_text("op,key,value\nput,a,1\nget,a,\n")
    (tmp_path / "config.toml").write_text('[replay]\nmode = "swiss"\n')

    manager = JobManager(base_dir=Path("runs/jobs"))
    job = manager.run_csv(csv="data/demo.csv", config="config.toml", metrics_port="auto")
    while not job.is_finished:
        job.poll()
    summary = job.read_summary()
    manager.close()

    assert summary["ops"]["total"] == 2
    assert summary["mode"] == "swiss"
    assert json.loads((job.folder / "summary.json").read_text()) == summary


def test_a_replay_leaves_its_logs_events_and_artifacts(manager: JobManager) -> None:
    job = manager.run_csv(sample="identifiers", mode="swiss", labels={"team": "search"})
    assert job.wait(END_S) is Status.COMPLETED
    assert [entry.status.value for entry in job.detail.timeline] == [
        "pending",
        "running",
        "completed",
    ]
    raw = b"".join(raw_bytes(line) for line in job.logs() if line.stream == "stdout")
    assert raw == (job.folder / "stdout.log").read_bytes()
    assert b"swiss" in raw
    events = list(job.events())
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert {event.type for event in events} >= {
        EventType.STATUS,
        EventType.PROGRESS,
        EventType.METRICS,
        EventType.ARTIFACT,
    }
    assert events[-1].data["status"] == "completed"
    assert {each.name for each in job.artifacts()} == {"metrics.ndjson", "summary.json"}
    assert job.detail.progress is not None
    assert job.detail.progress.done == job.detail.progress.total


def test_several_modes_give_several_summaries(manager: JobManager) -> None:
    job = manager.run_csv(sample="identifiers", mode=["swiss", "std"])
    assert job.wait(END_S) is Status.COMPLETED
    assert [each["mode"] for each in job.read_summary()["summaries"]] == ["swiss", "std"]


def test_a_wrong_trace_fails_with_its_line(manager: JobManager, tmp_path: Path) -> None:
    trace = tmp_path / "bad.csv"
    trace.write_text("op,key,value\nput,a,1\nfly,b,2\n")
    job = manager.run_csv(csv=str(trace), mode="swiss")
    assert job.wait(END_S) is Status.FAILED
    assert job.detail.error is not None
    assert job.detail.error.code == "bad_input"
    assert "line 3" in job.detail.error.detail
    with pytest.raises(NotFinishedError, match="failed"):
        job.read_summary()


def test_invalid_requests_name_each_fault(manager: JobManager) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        manager.run_csv(sample="identifiers", rate=-1, colour="red")
    assert {pointer for pointer, _ in caught.value.errors} >= {"/rate", "/colour"}


def test_cancelling_ends_every_process(manager: JobManager) -> None:
    job = running(manager)
    pid = json.loads((job.folder / "attempts" / "1" / "runner.json").read_text())["pid"]
    assert job.cancel() is Status.CANCELLED
    assert find_process(pid) is None  # what nobody has waited for yet has ended all the same
    assert job.detail.result is None or job.detail.result["status"] == "cancelled"


def test_a_waiting_job_is_cancelled_at_once_and_says_why_it_waited(manager: JobManager) -> None:
    for _ in range(2):
        running(manager)
    third = manager.run_csv(**SLOW)
    third.poll()
    assert third.detail.queue_reason == "2 of 2 slots are busy"
    assert third.cancel() is Status.CANCELLED
    assert third.detail.attempt == 0


def test_a_killed_runner_fails_the_job_and_keeps_what_it_wrote(manager: JobManager) -> None:
    job = running(manager)
    pid = json.loads((job.folder / "attempts" / "1" / "runner.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    assert job.wait(END_S) is Status.FAILED
    assert job.detail.error is not None
    assert job.detail.error.code == "runner_lost"
    assert any("swiss" in line.message for line in job.logs())


def test_a_killed_runner_is_retried_when_the_request_allows(manager: JobManager) -> None:
    job = running(manager, retries=1)
    pid = json.loads((job.folder / "attempts" / "1" / "runner.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: (job.poll(), job.detail.attempt == 2)[1])
    reasons = [entry.reason for entry in job.detail.timeline]
    assert any(reason.startswith("retried") for reason in reasons)
    assert job.cancel() is Status.CANCELLED


def test_a_runner_that_is_just_starting_hears_of_its_end(manager: JobManager) -> None:
    # A shell that puts a server in the background lets it and its runners ignore SIGINT. Until a
    # runner listens, such a signal is lost and has to be sent again.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = manager.run_csv(**SLOW)
        until(lambda: (job.poll(), job.status is Status.RUNNING)[1])
        assert job.cancel() is Status.CANCELLED
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_job_that_runs_too_long_has_failed(manager: JobManager) -> None:
    job = manager.run_csv(**SLOW, timeout_s=1.5)
    assert job.wait(END_S) is Status.FAILED
    assert job.detail.error is not None
    assert job.detail.error.code == "timed_out"


def test_closing_leaves_jobs_running_and_the_next_manager_finds_them(tmp_path: Path) -> None:
    settings = load_service_settings({}, max_concurrent_jobs=1, lease_s=60.0)
    first = JobManager(tmp_path, settings=settings)
    job = running(first)
    waiting = first.run_csv(sample="identifiers", mode="swiss")
    first.close()
    with JobManager(tmp_path, settings=settings) as second:
        found = second.get(job.id)
        assert found.status is Status.RUNNING
        before = found.detail.progress
        until(lambda: found.poll() is Status.RUNNING and found.detail.progress != before)
        assert found.detail.attempt == 1
        assert found.cancel() is Status.CANCELLED
        assert second.get(waiting.id).wait(END_S) is Status.COMPLETED


def test_a_job_that_ended_while_nobody_managed_it_is_published(tmp_path: Path) -> None:
    settings = load_service_settings({}, max_concurrent_jobs=1, lease_s=60.0)
    first = JobManager(tmp_path, settings=settings)
    job = first.run_csv(sample="identifiers", mode="swiss", rate=300_000)
    until(lambda: job.poll() is not Status.PENDING)
    first.close()
    until(lambda: (job.folder / "attempts" / "1" / "outcome.json").exists())
    with JobManager(tmp_path, settings=settings) as second:
        found = second.get(job.id)
        assert found.wait(END_S) is Status.COMPLETED
        assert found.read_summary()["mode"] == "swiss"
        assert {each.name for each in found.artifacts()} >= {"summary.json"}


def test_two_managers_of_one_folder_are_refused(manager: JobManager) -> None:
    with pytest.raises(StorageError):
        JobManager(manager.job_root)


def test_the_same_key_gives_the_same_job(manager: JobManager) -> None:
    caller = Caller(owner="ci", idempotency_key="build-7")
    request = {"sample": "identifiers", "mode": "swiss"}
    first = manager.submit("run-csv", request, caller=caller)
    assert manager.submit("run-csv", request, caller=caller).id == first.id
    with pytest.raises(IdempotencyConflictError):
        manager.submit("run-csv", {**request, "mode": "std"}, caller=caller)


def test_deleting_keeps_the_record_and_nothing_else(manager: JobManager) -> None:
    job = manager.run_csv(sample="identifiers", mode="swiss")
    with pytest.raises(NotFinishedError):
        manager.delete(running(manager).id)
    job.wait(END_S)
    detail = manager.delete(job.id)
    assert detail.status is Status.COMPLETED
    assert detail.artifacts == []
    assert not job.folder.exists()
    with pytest.raises(GoneError):
        list(manager.logs(job.id))


def test_a_follower_gets_everything_up_to_the_end(manager: JobManager) -> None:
    job = manager.run_csv(sample="identifiers", mode="swiss", rate=200_000)
    lines: list[str] = []
    follower = threading.Thread(
        target=lambda: lines.extend(line.message for line in job.logs(follow=True))
    )
    follower.start()
    events = list(manager.events(job.id, follow=True))
    follower.join(END_S)
    assert events[-1].data["status"] == "completed"
    assert lines == [line.message for line in job.logs()]
    assert len(lines) >= 2


def test_logs_of_a_job_whose_folder_is_not_made_yet_are_empty(manager: JobManager) -> None:
    job = running(manager)
    waiting = [manager.run_csv(**SLOW) for _ in range(2)][-1]
    assert not waiting.folder.exists()
    assert list(waiting.logs()) == []
    # As it is between the record of a start and the start itself.
    manager.store.apply(waiting.id, AttemptStarted(attempt=1))
    waiting.folder.rmdir()
    assert list(waiting.logs()) == []
    job.cancel()


def test_listing_filters_and_pages(manager: JobManager) -> None:
    jobs = [
        manager.submit(
            "run-csv",
            {"sample": "identifiers", "dry_run": True, "labels": {"n": str(number)}},
            caller=Caller(owner="ann" if number % 2 else "bob"),
        )
        for number in range(5)
    ]
    newest = [job.id for job in reversed(jobs)]
    first = manager.list(limit=2)
    assert [job.id for job in first.jobs] == newest[:2]
    second = manager.list(limit=3, cursor=first.next_cursor)
    assert [job.id for job in second.jobs] == newest[2:]
    assert second.next_cursor is None
    assert [job.id for job in manager.list(labels={"n": "3"}).jobs] == [jobs[3].id]
    assert len(manager.list(owner="ann").jobs) == 2
    assert manager.list(kind=["profile"]).jobs == []


def test_a_draining_manager_takes_nothing(manager: JobManager) -> None:
    manager.drain()
    with pytest.raises(DrainingError):
        manager.run_csv(sample="identifiers")


@pytest.mark.parametrize("name", ["", "x", "../etc", "0" * 26, "A" * 27])
def test_an_unknown_job_is_said_to_be_unknown(manager: JobManager, name: str) -> None:
    with pytest.raises(UnknownJobError):
        manager.get(name)
