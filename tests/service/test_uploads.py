"""Uploads: kept under their digest, swept when they are old and nothing needs them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from made_jobs import SetClock, add

from adhash.clock import NS_PER_S
from adhash.service.errors import InvalidRequestError
from adhash.service.jobs import JobManager
from adhash.service.lifecycle import AttemptStarted, AttemptSucceeded, CancelRequested
from adhash.service.settings import load_service_settings
from adhash.service.store import Store
from adhash.service.uploads import UploadShelf, keep_upload

DAY_S = 86_400.0
HOUR_NS = 3_600 * NS_PER_S


class RunningClock(SetClock):
    """A clock whose steady time moves with the other."""

    def __init__(self) -> None:
        super().__init__()
        self.steady_ns = 10 * HOUR_NS

    def monotonic_ns(self) -> int:
        return self.steady_ns

    def move(self, seconds: float) -> None:
        super().move(seconds)
        self.steady_ns += round(seconds * NS_PER_S)


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
def shelf(store: Store, clock: RunningClock, tmp_path: Path) -> UploadShelf:
    return UploadShelf(store, job_root=tmp_path, clock=clock)


def upload(shelf: UploadShelf, content: bytes, clock: SetClock, *, name: str = "t.csv") -> str:
    """Upload a file and return its digest."""

    async def blocks() -> AsyncIterator[bytes]:
        yield content

    kept = keep_upload(blocks(), name=name, owner="ann", limit=1 << 20, shelf=shelf, clock=clock)
    info = asyncio.run(kept)
    assert info.sha256 == hashlib.sha256(content).hexdigest()
    return info.sha256


def sweep(shelf: UploadShelf, clock: SetClock, *, days: float = 1, limit: int = 100) -> list[str]:
    return shelf.sweep(clock.now() - timedelta(days=days), limit=limit)


def test_an_old_upload_that_nothing_names_is_swept(shelf: UploadShelf, clock: RunningClock) -> None:
    sha256 = upload(shelf, b"one", clock)
    clock.move(DAY_S / 2)
    assert sweep(shelf, clock) == []
    clock.move(DAY_S)
    young = upload(shelf, b"two", clock)
    assert sweep(shelf, clock) == [sha256]
    assert [path.name for path in shelf.folder.iterdir()] == [young]
    assert sweep(shelf, clock) == []


def test_an_upload_is_kept_while_a_job_may_need_it(
    store: Store, shelf: UploadShelf, clock: RunningClock
) -> None:
    sha256 = upload(shelf, b"one", clock)
    clock.move(10 * DAY_S)
    job = add(store, request={"csv": f"input://{sha256}/t.csv"})
    assert sweep(shelf, clock) == []
    store.apply(job.id, AttemptStarted(attempt=1))
    assert sweep(shelf, clock) == []
    store.apply(job.id, AttemptSucceeded(attempt=1))
    # It has ended, and its artifacts are kept.
    assert sweep(shelf, clock) == []
    store.expire_job(job.id)
    assert sweep(shelf, clock) == [sha256]


def test_an_upload_that_a_suite_names_deep_within_is_kept(
    store: Store, shelf: UploadShelf, clock: RunningClock
) -> None:
    sha256, other = upload(shelf, b"one", clock), upload(shelf, b"two", clock)
    clock.move(10 * DAY_S)
    add(store, kind="batch", request={"spec": {"jobs": [{"csv": f"input://{sha256}"}]}})
    add(store, request={"csv": f"/data/{other}"})  # a path is no upload
    assert sweep(shelf, clock) == [other]


def test_of_jobs_that_named_an_upload_the_last_one_that_is_kept_counts(
    store: Store, shelf: UploadShelf, clock: RunningClock
) -> None:
    sha256 = upload(shelf, b"one", clock)
    clock.move(10 * DAY_S)
    jobs = [add(store, request={"csv": f"input://{sha256}"}) for _ in range(2)]
    for job in jobs:
        store.apply(job.id, CancelRequested(reason="enough"))
        assert sweep(shelf, clock) == []
        store.expire_job(job.id)
    assert sweep(shelf, clock) == [sha256]


def test_uploading_again_makes_it_new_and_brings_a_swept_one_back(
    store: Store, shelf: UploadShelf, clock: RunningClock
) -> None:
    sha256 = upload(shelf, b"one", clock, name="first.csv")
    clock.move(2 * DAY_S)
    assert upload(shelf, b"one", clock, name="second.csv") == sha256
    assert sweep(shelf, clock) == []
    clock.move(2 * DAY_S)
    assert sweep(shelf, clock) == [sha256]
    upload(shelf, b"one", clock)
    assert (shelf.folder / sha256).read_bytes() == b"one"
    record = store.input(sha256)
    assert record is not None
    assert (record.name, record.created_at) == ("first.csv", clock.now())


def test_what_was_just_looked_up_is_not_swept_before_its_job_is_kept(
    shelf: UploadShelf, clock: RunningClock
) -> None:
    sha256 = upload(shelf, b"one", clock)
    clock.move(2 * DAY_S)
    assert shelf.find(sha256) == shelf.folder / sha256
    assert sweep(shelf, clock) == []
    clock.move(3_601)
    assert sweep(shelf, clock) == [sha256]
    assert shelf.find("0" * 64) is None


def test_a_sweep_deletes_the_oldest_first_and_so_many_at_most(
    shelf: UploadShelf, clock: RunningClock
) -> None:
    digests = []
    for number in range(4):
        digests.append(upload(shelf, f"{number}".encode(), clock))
        clock.move(1)
    clock.move(2 * DAY_S)
    assert sweep(shelf, clock, limit=3) == digests[:3]
    assert sweep(shelf, clock, limit=3) == digests[3:]


def test_sweeping_beside_uploads_loses_none_that_was_acknowledged(
    shelf: UploadShelf, clock: RunningClock
) -> None:
    contents = [f"content {number}".encode() for number in range(6)]
    for content in contents:
        upload(shelf, content, clock)
    clock.move(2 * DAY_S)
    is_over = threading.Event()
    swept: list[str] = []

    def keep_sweeping() -> None:
        while not is_over.is_set():
            swept.extend(sweep(shelf, clock))

    sweeper = threading.Thread(target=keep_sweeping)
    sweeper.start()
    try:
        for _ in range(5):
            for content in contents:
                sha256 = upload(shelf, content, clock)
                # It is new now, so no sweep may touch it.
                assert (shelf.folder / sha256).read_bytes() == content
    finally:
        is_over.set()
        sweeper.join()
    assert sorted(path.read_bytes() for path in shelf.folder.iterdir()) == contents


def test_a_request_that_names_an_expired_upload_is_told_so(tmp_path: Path) -> None:
    clock = RunningClock()
    settings = load_service_settings({}, job_root=tmp_path, upload_retention_days=1.0)
    with JobManager(settings=settings, clock=clock) as manager:
        sha256 = upload(manager.uploads, b"op,key,value\nput,a,1\n", clock)
        request = {"csv": f"input://{sha256}", "mode": "swiss"}
        assert manager.validate("run-csv", request, is_trusted=False)["csv"] == request["csv"]
        (manager.uploads.folder / sha256).unlink()
        with pytest.raises(InvalidRequestError, match="has expired and was deleted") as caught:
            manager.submit("run-csv", request, is_trusted=False)
        assert "PUT it to /api/inputs/{name} again" in caught.value.hint
        assert caught.value.errors[0][0] == "/csv"
        with pytest.raises(InvalidRequestError, match="there is no upload"):
            manager.submit("run-csv", {"csv": f"input://{'0' * 64}"}, is_trusted=False)


def test_a_manager_sweeps_by_its_setting(tmp_path: Path) -> None:
    clock = RunningClock()
    settings = load_service_settings({}, job_root=tmp_path, upload_retention_days=0.001)
    with JobManager(settings=settings, clock=clock) as manager:
        sha256 = upload(manager.uploads, b"op,key,value\nput,a,1\n", clock)
        clock.move(DAY_S)
        for _ in range(600):
            if not (manager.uploads.folder / sha256).exists():
                break
            threading.Event().wait(0.05)
        assert list(manager.uploads.folder.iterdir()) == []


def test_what_a_crash_cut_off_is_removed(shelf: UploadShelf, clock: RunningClock) -> None:
    sha256 = upload(shelf, b"one", clock)
    (shelf.folder / ".upload-0123").write_bytes(b"half")
    shelf.remove_unfinished()
    assert [path.name for path in shelf.folder.iterdir()] == [sha256]
