"""What every executor must do, as tests: subclass `ExecutorConformance` and give it an executor.

The kinds of `kinds_for_tests` must be what its runners carry out.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adhash.service.attempts import (
    AttemptOrder,
    AttemptPhase,
    AttemptRef,
    AttemptReport,
    Executor,
    Limits,
)
from adhash.service.folder import JobFolder
from adhash.service.outcomes import Outcome, read_outcome
from adhash.service.processes import COOKIE, all_processes, cookie_of, with_cookies

# Far longer than anything here takes, even on a machine that is busy with other things.
PATIENCE_S = 60.0


class Place:
    """A job root and an executor that can be forgotten, as when a server dies."""

    def __init__(self, root: Path, new_executor: Callable[[], Executor]) -> None:
        self.root = root
        self.executor = new_executor()
        self._new_executor = new_executor
        self._refs: list[AttemptRef] = []
        self._count = 0

    def order(self, kind: str, *, limits: Limits | None = None, **fields: Any) -> AttemptOrder:
        """Return an order; options are given by their names, fields of the order with ``in_``."""
        given = {name[3:]: fields.pop(name) for name in list(fields) if name.startswith("in_")}
        self._count += 1
        job_id = f"01TEST{os.getpid():010d}{self._count:010d}"
        base: dict[str, Any] = {
            "attempt": 1,
            "folder": self.root / job_id,
            "limits": limits or Limits(),
            # Only deaf work makes anybody wait for it to pass.
            "grace_s": 0.3 if fields.get("is_deaf") else PATIENCE_S,
            "heartbeat_s": 0.1,
        }
        return AttemptOrder(job_id=job_id, kind=kind, options=fields, **{**base, **given})

    def start(self, order: AttemptOrder, *, slots: int = 1) -> AttemptRef:
        placement = self.executor.submit(order, slots=slots)
        # What the store would keep of it.
        kept = json.loads(json.dumps(placement))
        ref = AttemptRef(
            job_id=order.job_id, attempt=order.attempt, folder=order.folder, placement=kept
        )
        self._refs.append(ref)
        return ref

    def run(self, kind: str, **fields: Any) -> AttemptReport:
        return self.wait(self.start(self.order(kind, **fields)))

    def look(self, ref: AttemptRef) -> AttemptReport:
        (report,) = self.executor.reconcile([ref])
        return report

    def wait(self, ref: AttemptRef) -> AttemptReport:
        """Return the first report that is not of a running attempt."""
        return until(lambda: self._ended(ref))

    def _ended(self, ref: AttemptRef) -> AttemptReport | None:
        report = self.look(ref)
        if report.phase is AttemptPhase.RUNNING:
            return None
        assert processes_of(ref) == set()
        return report

    def restart(self) -> None:
        """Forget all that the executor knew."""
        self.executor.close()
        self.executor = self._new_executor()

    def clean(self) -> None:
        for ref in self._refs:
            self.executor.cancel(ref)
        for ref in self._refs:
            self.wait(ref)
        self.executor.close()


def until(look: Callable[[], Any]) -> Any:
    """Return what `look` returns once that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def folder_of(ref: AttemptRef) -> JobFolder:
    return JobFolder(ref.folder)


def outcome_of(ref: AttemptRef) -> Outcome:
    outcome = read_outcome(folder_of(ref).attempt(ref.attempt).outcome)
    assert outcome is not None
    return outcome


def processes_of(ref: AttemptRef) -> set[int]:
    """Return the pids of the attempt: the runner, the work, and all it started."""
    cookie = cookie_of(ref.job_id, ref.attempt)
    return {each.pid for each in with_cookies(all_processes(), [cookie])[cookie]}


def has_begun(ref: AttemptRef) -> bool:
    events = folder_of(ref).events
    return events.exists() and b"progress" in events.read_bytes()


class ExecutorConformance:
    """The suite. `new_executor` is a fixture of the subclass."""

    @pytest.fixture
    def place(self, tmp_path: Path, new_executor: Callable[[], Executor]) -> Iterator[Place]:
        place = Place(tmp_path / "jobs", new_executor)
        yield place
        place.clean()
        assert place.executor.capacity().free == place.executor.capacity().slots

    def test_work_that_returns_has_succeeded_with_its_result(self, place: Place) -> None:
        report = place.run("tell", text="good day")
        assert report.phase is AttemptPhase.SUCCEEDED
        assert report.result == {"said": "good day"}
        assert report.error is None

    def test_output_events_and_artifacts_lie_in_the_folder(self, place: Place) -> None:
        ref = place.start(place.order("tell", text="good day", artifacts=["a.txt", "b/c.txt"]))
        place.wait(ref)
        folder = folder_of(ref)
        assert folder.stdout.read_text() == "good day\n"
        assert folder.stderr.read_text() == "good day, on the other side\n"
        events = [json.loads(line) for line in folder.events.read_text().splitlines()]
        assert [event["type"] for event in events] == ["progress"]
        assert outcome_of(ref).artifacts == ("a.txt", "b/c.txt")
        assert (folder.attempt(1).artifacts / "b/c.txt").read_text() == "good day"

    def test_placement_and_reports_are_plain(self, place: Place) -> None:
        ref = place.start(place.order("tell"))
        assert ref.placement
        report = place.wait(ref)
        assert json.loads(json.dumps(report.confinement)) == report.confinement

    def test_work_sees_the_environment_of_its_order(self, place: Place) -> None:
        order = place.order(
            "show-environment",
            in_environment={"TRACEPARENT": "00-1-2-3"},
            in_needs_processes=True,
        )
        report = place.wait(place.start(order))
        assert report.result is not None, report.error
        temporary = str(order.folder / "attempts" / "1" / "tmp")
        assert report.result["folder"] == temporary
        for environment in (report.result["own"], report.result["child"]):
            assert environment["TRACEPARENT"] == "00-1-2-3"
            assert environment["TMPDIR"] == temporary
            assert environment[COOKIE] == cookie_of(order.job_id, 1)

    @pytest.mark.parametrize(
        ("how", "code"),
        [
            ("bad_input", "bad_input"),
            ("invariant", "invariant"),
            ("io", "io"),
            ("memory", "out_of_memory"),
            ("system", "io"),
            ("bug", "crashed"),
        ],
    )
    def test_work_that_raises_has_failed_and_keeps_its_result(
        self, place: Place, how: str, code: str
    ) -> None:
        report = place.run("fail", how=how)
        assert report.phase is AttemptPhase.FAILED
        assert report.error is not None
        assert report.error.code == code
        assert report.result == {"so_far": "half"}
        assert not report.is_retryable

    @pytest.mark.parametrize(
        ("how", "code", "is_retryable"),
        [
            ("exit", "crashed", False),
            ("segfault", "crashed", False),
            ("SIGABRT", "crashed", False),
            ("SIGKILL", "killed", True),
        ],
    )
    def test_every_byte_that_was_written_outlives_the_work(
        self, place: Place, how: str, code: str, is_retryable: bool
    ) -> None:
        ref = place.start(place.order("end", how=how))
        report = place.wait(ref)
        assert report.phase is AttemptPhase.FAILED
        assert report.error is not None
        assert (report.error.code, report.is_retryable) == (code, is_retryable)
        assert folder_of(ref).stdout.read_text() == "the last line\nand a part of one"

    def test_an_unknown_kind_fails_as_bad_input(self, place: Place) -> None:
        report = place.run("no-such-kind")
        assert report.error is not None
        assert report.error.code == "bad_input"

    # --- ending ----------------------------------------------------------------------------------

    def test_cancelled_work_ends_in_order_and_has_stopped(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        place.executor.cancel(ref)
        assert place.wait(ref).phase is AttemptPhase.STOPPED
        assert outcome_of(ref).exit_code == 130

    def test_deaf_work_is_killed_after_its_grace(self, place: Place) -> None:
        ref = place.start(place.order("wait", is_deaf=True))
        until(lambda: has_begun(ref))
        place.executor.cancel(ref)
        assert place.wait(ref).phase is AttemptPhase.STOPPED
        assert outcome_of(ref).signal == 9

    def test_strays_of_other_sessions_end_with_the_job(self, place: Place) -> None:
        order = place.order("wait", is_deaf=True, children=3, in_needs_processes=True)
        ref = place.start(order)
        until(lambda: has_begun(ref))
        assert len(processes_of(ref)) == 5
        place.executor.cancel(ref)
        # That none is left is checked by `wait`, with the very report.
        assert place.wait(ref).phase is AttemptPhase.STOPPED

    def test_strays_do_not_outlive_work_that_returned(self, place: Place) -> None:
        order = place.order("wait", children=2, then="return", in_needs_processes=True)
        report = place.wait(place.start(order))
        assert report.phase is AttemptPhase.SUCCEEDED
        assert report.result == {"left": 2}

    def test_cancelling_again_or_too_late_changes_nothing(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        place.executor.cancel(ref)
        place.executor.cancel(ref)
        assert place.wait(ref).phase is AttemptPhase.STOPPED
        place.executor.cancel(ref)
        assert place.look(ref).phase is AttemptPhase.STOPPED

    def test_an_attempt_that_is_cancelled_at_once_ends(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        place.executor.cancel(ref)
        assert place.wait(ref).phase in (AttemptPhase.STOPPED, AttemptPhase.LOST)

    def test_work_that_takes_too_long_has_timed_out(self, place: Place) -> None:
        order = place.order("wait", is_deaf=True, limits=Limits(timeout_s=0.2))
        report = place.wait(place.start(order))
        assert report.phase is AttemptPhase.FAILED
        assert report.error is not None
        assert report.error.code == "timed_out"
        assert not report.is_retryable

    # --- restarts --------------------------------------------------------------------------------

    def test_a_new_executor_finds_what_runs_and_ends_it(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        place.restart()
        assert place.look(ref).phase is AttemptPhase.RUNNING
        assert place.executor.capacity().free == place.executor.capacity().slots - 1
        place.executor.cancel(ref)
        assert place.wait(ref).phase is AttemptPhase.STOPPED

    def test_a_new_executor_finds_what_runs_without_its_placement(self, place: Place) -> None:
        ref = place.start(place.order("wait"))
        until(lambda: has_begun(ref))
        place.restart()
        bare = AttemptRef(job_id=ref.job_id, attempt=1, folder=ref.folder)
        assert place.look(bare).phase is AttemptPhase.RUNNING
        place.executor.cancel(bare)
        assert place.wait(bare).phase is AttemptPhase.STOPPED

    def test_a_new_executor_tells_what_ended_meanwhile(self, place: Place) -> None:
        ref = place.start(place.order("tell", text="good day"))
        until(lambda: folder_of(ref).attempt(1).outcome.exists())
        place.restart()
        report = place.wait(ref)
        assert report.phase is AttemptPhase.SUCCEEDED
        assert report.result == {"said": "good day"}

    def test_an_attempt_that_nobody_started_never_started(self, place: Place) -> None:
        order = place.order("tell")
        bare = AttemptRef(job_id=order.job_id, attempt=1, folder=order.folder)
        assert place.wait(bare).phase is AttemptPhase.NEVER_STARTED

    # --- slots -----------------------------------------------------------------------------------

    def test_slots_are_taken_and_given_back(self, place: Place) -> None:
        before = place.executor.capacity()
        ref = place.start(place.order("wait"), slots=before.slots)
        assert place.executor.capacity().free == 0
        place.executor.cancel(ref)
        place.wait(ref)
        assert place.executor.capacity() == before

    def test_attempts_run_beside_each_other_and_are_told_in_order(self, place: Place) -> None:
        refs = [place.start(place.order("wait")) for _ in range(2)]
        until(lambda: all(has_begun(ref) for ref in refs))
        reports = place.executor.reconcile(refs)
        assert [report.ref for report in reports] == refs
        assert {report.phase for report in reports} == {AttemptPhase.RUNNING}
