"""The executor of one machine passes the suite of all executors, and its own tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from executor_conformance import (
    ExecutorConformance,
    Place,
    folder_of,
    has_begun,
    outcome_of,
    processes_of,
    until,
)

from adhash.errors import PolicyError, StorageError
from adhash.service.attempts import AttemptPhase, AttemptRef, Executor, Limits
from adhash.service.executors.children import add_child
from adhash.service.executors.local import LocalExecutor
from adhash.service.processes import all_processes, find_process, with_cookies
from adhash.service.settings import load_service_settings
from adhash.service.spare import BLANK_COOKIE

RUNNER = (sys.executable, "-P", str(Path(__file__).with_name("runner_for_tests.py")))
SECRETS = {
    "ADHASH_TOKEN": "a-secret-of-the-server",
    "ADHASH_DATABASE_URL": "postgresql://somebody:secret@host/name",
    "ADHASH_SIGNING_KEYS": "key-one,key-two",
    "AWS_SECRET_ACCESS_KEY": "another-secret",
}


# The lease is far longer than a busy machine makes a runner wait.
def new_local_executor(*, keeps_spare: bool = False, lease_s: float = 60.0) -> LocalExecutor:
    settings = load_service_settings({}, max_concurrent_jobs=2, lease_s=lease_s)
    environ = {**os.environ, **SECRETS, "ADHASH_REPLAY__MODE": "swiss"}
    return LocalExecutor(settings, environ=environ, command=RUNNER, keeps_spare=keeps_spare)


def new_executor_with_spare() -> LocalExecutor:
    executor = new_local_executor(keeps_spare=True)
    # The first look provides the spare.
    executor.reconcile([])
    return executor


class TestLocalExecutorWithSpare(ExecutorConformance):
    @pytest.fixture
    def new_executor(self) -> Callable[[], Executor]:
        return new_executor_with_spare

    def test_the_spare_becomes_the_runner(self, place: Place) -> None:
        spares = processes_of_cookie(BLANK_COOKIE)
        ref = place.start(place.order("wait"))
        assert ref.placement["pid"] in spares
        until(lambda: has_begun(ref))
        assert len(processes_of(ref)) == 2
        place.executor.cancel(ref)
        place.wait(ref)

    def test_a_spare_that_died_is_no_loss(self, place: Place) -> None:
        runner, *_ = spare_runners()
        os.kill(runner, signal.SIGKILL)
        until(lambda: runner not in spare_runners())
        assert place.run("tell").phase is AttemptPhase.SUCCEEDED

    def test_spare_work_that_died_is_no_loss(self, place: Place) -> None:
        runner, *_ = spare_runners()
        children = Path(f"/proc/{runner}/task/{runner}/children")
        (work,) = until(lambda: children.read_text().split())
        os.kill(int(work), signal.SIGKILL)
        until(lambda: find_process(int(work)) is None)
        assert place.run("tell").phase is AttemptPhase.SUCCEEDED

    def test_it_goes_when_the_executor_is_closed(self, place: Place) -> None:
        assert spare_runners()
        place.executor.close()
        until(lambda: not spare_runners())


def processes_of_cookie(cookie: str) -> set[int]:
    return {each.pid for each in with_cookies(all_processes(), [cookie])[cookie]}


def spare_runners() -> list[int]:
    """Return the spares that are children of this process."""
    found = map(find_process, processes_of_cookie(BLANK_COOKIE))
    return [each.pid for each in found if each is not None and each.parent == os.getpid()]


class TestLocalExecutor(ExecutorConformance):
    @pytest.fixture
    def new_executor(self) -> Callable[[], Executor]:
        return new_local_executor

    def test_more_slots_than_are_free_are_refused(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        with pytest.raises(PolicyError, match="1 are free"):
            place.executor.submit(place.order("tell"), slots=2)
        place.executor.cancel(ref)
        place.wait(ref)

    def test_a_runner_that_cannot_start_takes_no_slot(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageError, match="cannot write"):
            place.executor.submit(place.order("tell", in_folder=tmp_path / "file" / "job"))
        assert place.executor.capacity().free == 2

    def test_a_runner_that_ends_before_it_began_is_lost_with_its_last_words(
        self, tmp_path: Path
    ) -> None:
        settings = load_service_settings({}, max_concurrent_jobs=1)
        program = (sys.executable, "-c", "raise SystemExit('no such module')")
        place = Place(
            tmp_path, lambda: LocalExecutor(settings, environ=os.environ, command=program)
        )
        report = place.run("tell")
        assert report.phase is AttemptPhase.LOST
        assert report.error is not None
        assert report.error.code == "runner_lost"
        assert "no such module" in report.error.hint

    def test_a_runner_that_has_ended_when_it_is_named_is_named_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def add_when_it_ended(pid: int) -> None:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            add_child(pid)

        monkeypatch.setattr("adhash.service.executors.local.add_child", add_when_it_ended)
        settings = load_service_settings({}, max_concurrent_jobs=1)
        program = (sys.executable, "-c", "raise SystemExit(1)")
        place = Place(
            tmp_path, lambda: LocalExecutor(settings, environ=os.environ, command=program)
        )
        assert place.run("tell").phase is AttemptPhase.LOST

    def test_no_secret_of_the_server_reaches_a_runner(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        pids = processes_of(ref)
        assert len(pids) == 2
        for pid in pids:
            environment = Path(f"/proc/{pid}/environ").read_text()
            assert not [name for name, value in SECRETS.items() if name in environment]
            assert not [value for value in SECRETS.values() if value in environment]
            assert "ADHASH_REPLAY__MODE=swiss" in environment
        place.executor.cancel(ref)
        place.wait(ref)

    def test_work_is_bound_to_the_cores_of_its_slot(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        cores = set(ref.placement["cores"])
        assert cores
        assert all(os.sched_getaffinity(pid) == cores for pid in processes_of(ref))
        place.executor.cancel(ref)
        place.wait(ref)

    def test_more_memory_than_allowed_is_told_as_such(self, place: Place) -> None:
        report = place.run("grab", limits=Limits(memory_bytes=256 << 20))
        assert report.error is not None
        assert report.error.code == "out_of_memory"

    def test_a_larger_file_than_allowed_is_refused(self, place: Place) -> None:
        order = place.order("fill", limits=Limits(file_bytes=1 << 20), path="big")
        report = place.wait(place.start(order))
        assert report.error is not None
        assert report.error.code == "policy"

    def test_usage_and_confinement_are_told(self, place: Place) -> None:
        ref = place.start(place.order("tell", limits=Limits(file_bytes=1 << 20)))
        report = place.wait(ref)
        outcome = outcome_of(ref)
        assert outcome.usage.cpu_s > 0
        assert outcome.usage.max_rss_bytes > 1 << 20
        assert report.confinement is not None
        assert report.confinement["cores"] == ref.placement["cores"]
        assert report.confinement["limits"]["file_bytes"] == 1 << 20

    def test_confinement_is_told_while_the_work_runs(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        assert place.look(ref).confinement
        place.executor.cancel(ref)
        place.wait(ref)

    def test_nothing_but_the_files_of_the_contract_is_left(self, place: Place) -> None:
        ref = place.start(place.order("tell"))
        place.wait(ref)
        folder = folder_of(ref)
        assert {path.name for path in folder.path.iterdir()} == {
            *("spec.json", "fence", "stdout.log", "stderr.log", "log.index"),
            *("events.ndjson", "metrics.ndjson", "attempts"),
        }
        assert {path.name for path in folder.attempt(1).path.iterdir()} == {
            *("runner.json", "runner.log", "heartbeat", "report.json", "outcome.json"),
            *("confinement.json", "metrics_url", "artifacts", "tmp"),
        }
        assert folder.attempt(1).runner_log.read_text() == ""

    def test_an_attempt_of_another_boot_is_lost(self, place: Place) -> None:
        order = place.order("tell")
        placement = {
            "attempt": 1,
            "pid": os.getpid(),
            "start_time": 1,
            "boot_id": "another",
            "slots": [1],
        }
        ref = AttemptRef(job_id=order.job_id, attempt=1, folder=order.folder, placement=placement)
        order.folder.mkdir(parents=True)
        report = place.wait(ref)
        assert report.phase is AttemptPhase.LOST
        assert report.error is not None
        assert "restarted" in report.error.detail
