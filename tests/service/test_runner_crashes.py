"""What is left when processes are killed: nothing that runs, and every byte that was written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor_conformance import (
    Place,
    folder_of,
    has_begun,
    outcome_of,
    processes_of,
    until,
)
from test_local_executor import RUNNER, new_local_executor

from adhash.service.attempts import AttemptPhase, AttemptRef
from adhash.service.executors.local import LocalExecutor
from adhash.service.log_index import read_log_index
from adhash.service.processes import is_alive, start_time_of
from adhash.service.settings import load_service_settings


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "jobs", new_local_executor)
    yield place
    place.clean()


def family(place: Place, **fields: object) -> AttemptRef:
    """Start deaf work with three strays; return once all of them are there."""
    order = place.order("wait", is_deaf=True, children=3, in_needs_processes=True, **fields)
    ref = place.start(order)
    until(lambda: has_begun(ref))
    assert len(processes_of(ref)) == 5
    return ref


def runner_of(ref: AttemptRef) -> int:
    return int(ref.placement["pid"])


def work_of(ref: AttemptRef) -> int:
    """Return the pid of the work: the child of the runner that is not a stray."""
    runner = runner_of(ref)
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    return min(map(int, children))


class TestKilledRunner:
    def test_it_is_lost_and_none_of_the_family_is_left(self, place: Place) -> None:
        ref = family(place)
        os.kill(runner_of(ref), signal.SIGKILL)
        report = place.wait(ref)
        assert report.phase is AttemptPhase.LOST
        assert report.is_retryable
        assert report.error is not None
        assert report.error.code == "runner_lost"
        assert report.confinement is not None

    def test_the_kernel_takes_the_work_along(self, place: Place) -> None:
        ref = place.start(place.order("wait", is_deaf=True))
        until(lambda: has_begun(ref))
        work = work_of(ref)
        began = start_time_of(work)
        assert began is not None
        os.kill(runner_of(ref), signal.SIGKILL)
        # Nobody reconciles: the server may be gone as well.
        until(lambda: not is_alive(work, began))
        place.wait(ref)

    def test_what_was_written_is_there_and_dated(self, place: Place) -> None:
        ref = place.start(place.order("end", how="SIGSTOP"))
        said = "the last line\nand a part of one"
        until(lambda: folder_of(ref).stdout.read_text() == said if has_output(ref) else False)
        os.kill(runner_of(ref), signal.SIGKILL)
        assert place.wait(ref).phase is AttemptPhase.LOST
        assert folder_of(ref).stdout.read_text() == said
        lines = list(read_log_index(folder_of(ref).log_index))
        assert lines[-1].end == len(said)

    def test_a_new_server_finds_that_it_was_killed_meanwhile(self, place: Place) -> None:
        ref = family(place)
        place.executor.close()
        os.kill(runner_of(ref), signal.SIGKILL)
        place.restart()
        assert place.wait(ref).phase is AttemptPhase.LOST

    def test_a_runner_that_is_stopped_is_taken_for_dead(self, tmp_path: Path) -> None:
        place = Place(tmp_path / "jobs", lambda: new_local_executor(lease_s=2.0))
        ref = family(place)
        os.kill(runner_of(ref), signal.SIGSTOP)
        report = place.wait(ref)
        place.clean()
        assert report.phase is AttemptPhase.LOST
        assert report.error is not None
        assert "no life" in report.error.detail


class TestKilledWork:
    def test_it_has_failed_and_may_be_tried_again(self, place: Place) -> None:
        ref = family(place)
        os.kill(work_of(ref), signal.SIGKILL)
        report = place.wait(ref)
        assert report.phase is AttemptPhase.FAILED
        assert report.is_retryable
        assert report.error is not None
        assert report.error.code == "killed"
        assert outcome_of(ref).signal == signal.SIGKILL

    def test_killed_together_with_its_runner_it_is_lost(self, place: Place) -> None:
        ref = family(place)
        runner, work = runner_of(ref), work_of(ref)
        os.kill(runner, signal.SIGSTOP)
        os.kill(work, signal.SIGKILL)
        os.kill(runner, signal.SIGKILL)
        assert place.wait(ref).phase is AttemptPhase.LOST

    def test_killed_while_it_is_being_cancelled_it_has_stopped(self, place: Place) -> None:
        ref = family(place, in_grace_s=30.0)
        place.executor.cancel(ref)
        os.kill(work_of(ref), signal.SIGKILL)
        assert place.wait(ref).phase is AttemptPhase.STOPPED

    def test_a_runner_that_is_told_to_end_by_others_says_so(self, place: Place) -> None:
        ref = family(place)
        os.kill(runner_of(ref), signal.SIGTERM)
        report = place.wait(ref)
        assert report.phase is AttemptPhase.FAILED
        assert report.is_retryable
        assert report.error is not None
        assert report.error.code == "killed"


class TestFence:
    def test_a_runner_whose_fence_rose_ends_all_and_says_nothing(self, place: Place) -> None:
        ref = family(place)
        folder_of(ref).fence.write_text("2\n")
        until(lambda: not processes_of(ref))
        assert not folder_of(ref).attempt(1).outcome.exists()
        assert place.wait(ref).phase is AttemptPhase.LOST
        assert folder_of(ref).fence.read_text() == "2\n"

    def test_a_runner_that_comes_late_does_not_begin(self, place: Place) -> None:
        ref = place.start(place.order("tell"))
        place.wait(ref)
        late = place.order("tell", in_folder=ref.folder, in_attempt=2)
        second = place.start(late)
        place.wait(second)
        out = folder_of(ref).stdout.read_text()
        code = subprocess.run([*RUNNER, str(ref.folder), "1"], check=False).returncode
        assert code != 0
        assert folder_of(ref).stdout.read_text() == out

    def test_an_attempt_has_one_runner_only(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        code = subprocess.run([*RUNNER, str(ref.folder), "1"], check=False).returncode
        assert code == 75
        assert place.look(ref).phase is AttemptPhase.RUNNING

    def test_what_never_started_cannot_start_afterwards(self, place: Place) -> None:
        ref = place.start(place.order("tell"))
        place.wait(ref)
        order = place.order("tell", in_folder=ref.folder, in_attempt=2)
        bare = AttemptRef(job_id=order.job_id, attempt=2, folder=order.folder)
        assert place.wait(bare).phase is AttemptPhase.NEVER_STARTED
        assert folder_of(bare).fence.read_text() == "3\n"

    def test_the_placement_of_an_earlier_attempt_names_nobody(self, place: Place) -> None:
        first = place.start(place.order("tell"))
        place.wait(first)
        order = place.order("wait", in_folder=first.folder, in_attempt=2)
        second = place.start(order)
        until(lambda: has_begun(second) and b'"naps"' in folder_of(second).events.read_bytes())
        stale = AttemptRef(
            job_id=second.job_id, attempt=2, folder=second.folder, placement=first.placement
        )
        assert place.look(stale).phase is AttemptPhase.RUNNING
        place.executor.cancel(second)
        place.wait(second)


class TestKilledServer:
    def test_its_runners_go_on_and_are_found_again(self, place: Place, tmp_path: Path) -> None:
        order = place.order("wait")
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(Path(__file__).parent), str(order.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        job_id = server.stdout.readline().strip()
        bare = AttemptRef(job_id=job_id, attempt=1, folder=order.folder)
        until(lambda: has_begun(bare))
        server.kill()
        server.communicate()
        assert place.look(bare).phase is AttemptPhase.RUNNING
        place.executor.cancel(bare)
        assert place.wait(bare).phase is AttemptPhase.STOPPED


_SERVER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from executor_conformance import Place
    from test_local_executor import new_local_executor
    folder = Path(sys.argv[2])
    place = Place(folder.parent, new_local_executor)
    order = place.order("wait", in_folder=folder)
    place.executor.submit(order)
    print(order.job_id, flush=True)
    time.sleep(600)
    """
)


def has_output(ref: AttemptRef) -> bool:
    return folder_of(ref).stdout.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_runner_waits_for_room_for_its_outcome_even_if_it_cannot_complain(tmp_path: Path) -> None:
    settings = load_service_settings({}, max_concurrent_jobs=1)
    speechless = ("/bin/sh", "-c", 'exec "$0" "$@" 2>/dev/full', *RUNNER)
    place = Place(
        tmp_path / "jobs",
        lambda: LocalExecutor(settings, environ=os.environ, command=speechless),
    )
    ref = place.start(place.order("wait"))
    until(lambda: has_begun(ref))
    work = work_of(ref)
    attempt = folder_of(ref).attempt(1).path
    # Without its folder there is no more room for the outcome than on a full disk.
    attempt.rename(attempt.with_name("away"))
    os.kill(runner_of(ref), signal.SIGINT)
    until(lambda: start_time_of(work) is None)
    time.sleep(1.0)
    assert start_time_of(runner_of(ref)) is not None
    attempt.with_name("away").rename(attempt)
    assert place.wait(ref).phase is AttemptPhase.STOPPED
    place.clean()
