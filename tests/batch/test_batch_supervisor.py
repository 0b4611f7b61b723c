"""Jobs run in order and side by side, fail alone, end when they must, and leave nothing behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from batch_samples import ANSWER, planned, supervise

from adhash.batch.plan import PlannedJob
from adhash.batch.supervisor import Patience, adhash_words
from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.progress import WorkProgress

SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
STUBBORN += "open('ready', 'w').close(); time.sleep(600)"
COMPLAIN = """
import json, sys
envelope = {"error": "IO", "detail": "no disk", "hint": "buy one"}
print("a remark\\n" + json.dumps(envelope), file=sys.stderr)
sys.exit(5)
"""


class ClockFrom:
    """A clock that stands still until a file is there: however slow the machine is, no job is
    too late before it is ready.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._clock = SystemClock()
        self._started_ns: int | None = None

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic_ns(self) -> int:
        if self._started_ns is None and self._file.exists():
            self._started_ns = self._clock.monotonic_ns()
        return 0 if self._started_ns is None else self._clock.monotonic_ns() - self._started_ns


def python(programs: dict[str, str]) -> Callable[[PlannedJob], list[str]]:
    """Return what runs these programs, by the name of the job."""
    return lambda job: [sys.executable, "-c", programs[job.name]]


def test_a_job_that_answers_and_ends_well_is_completed(tmp_path: Path) -> None:
    (result,) = supervise([planned(tmp_path)], python({"one": ANSWER}))
    assert (result.status, result.exit_code, result.error) == ("completed", 0, None)
    assert result.result == {"found": 7}
    assert result.logs is not None
    assert Path(result.logs.stdout) == tmp_path / "one" / "stdout.log"


@pytest.mark.parametrize(
    ("program", "error", "detail"),
    [
        (COMPLAIN, "IO", "no disk"),
        ("import sys; sys.exit(9)", "Invariant", "exit code 9"),
        ("import os; os.abort()", "Invariant", "SIGABRT"),
        ("pass", "Invariant", "exit code 0 without"),
        ("print('text')", "Invariant", "exit code 0 without"),
        ("print('[' * 100000)", "Invariant", "exit code 0 without"),
        ("print('{\"results\": 1}')", "Invariant", "exit code 0 without"),
        (f"{ANSWER}; import sys; sys.exit(3)", "Invariant", "exit code 3"),
    ],
)
def test_a_job_that_ends_otherwise_has_failed_and_says_why(
    tmp_path: Path, program: str, error: str, detail: str
) -> None:
    (result,) = supervise([planned(tmp_path)], python({"one": program}))
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.error == error
    assert detail in result.error.detail


def test_a_failed_job_keeps_the_answer_that_it_gave(tmp_path: Path) -> None:
    program = f"{ANSWER}; import sys; sys.exit(3)"
    (result,) = supervise([planned(tmp_path)], python({"one": program}))
    assert result.result == {"found": 7}


def test_a_failure_skips_those_that_need_the_job_and_no_others(tmp_path: Path) -> None:
    jobs = [
        planned(tmp_path, "last", needs=("middle",)),
        planned(tmp_path, "middle", needs=("bad",)),
        planned(tmp_path, "bad"),
        planned(tmp_path, "good", needs=()),
    ]
    programs = {"bad": "raise SystemExit(2)", "good": ANSWER}
    last, middle, bad, good = supervise(jobs, python(programs))
    assert [each.status for each in (last, middle, bad, good)] == [
        "skipped",
        "skipped",
        "failed",
        "completed",
    ]
    assert middle.error is not None
    assert middle.error.detail == "it needs bad, which is failed"
    assert last.error is not None
    assert last.error.detail == "it needs middle, which is skipped"
    assert (last.logs, last.exit_code) == (None, None)
    assert not (tmp_path / "last").exists()


def test_a_job_begins_when_all_that_it_needs_is_completed(tmp_path: Path) -> None:
    see = f"import os; assert os.path.exists({str(tmp_path / 'made')!r}); {ANSWER}"
    make = f"import time; time.sleep(0.1); open({str(tmp_path / 'made')!r}, 'w'); {ANSWER}"
    jobs = [planned(tmp_path, "see", needs=("make",)), planned(tmp_path, "make")]
    results = supervise(jobs, python({"see": see, "make": make}), max_parallel=4)
    assert [each.status for each in results] == ["completed", "completed"]


@pytest.mark.parametrize("max_parallel", [1, 2])
def test_no_more_jobs_run_at_once_than_allowed(tmp_path: Path, max_parallel: int) -> None:
    # Each counts the marks of those that run beside it, its own among them. The first ones wait
    # until there are as many as there may be, and all a while longer for one too many.
    program = f"""
import glob, os, time
os.chdir({str(tmp_path)!r})
mark = f"{{os.getpid()}}.mark"
open(mark, "w").close()
until = time.monotonic() + 60
while len(glob.glob("*.mark")) < {max_parallel} and not os.path.exists("reached"):
    assert time.monotonic() < until
    time.sleep(0.01)
open("reached", "w").close()
most = 0
for _ in range(20):
    most = max(most, len(glob.glob("*.mark")))
    time.sleep(0.02)
os.remove(mark)
print('{{"ok": true, "most": %d}}' % most)
"""
    jobs = [planned(tmp_path, name) for name in "abcd"]
    results = supervise(jobs, python(dict.fromkeys("abcd", program)), max_parallel=max_parallel)
    most = [each.result["most"] for each in results if each.result]
    assert len(most) == 4
    assert max(most) == max_parallel


def test_a_job_that_takes_too_long_is_ended_and_the_next_one_runs(tmp_path: Path) -> None:
    jobs = [planned(tmp_path, "slow", timeout_s=0.2), planned(tmp_path, "next")]
    slow, after = supervise(jobs, python({"slow": SLEEP, "next": ANSWER}))
    assert (slow.status, slow.exit_code) == ("timed_out", -15)
    assert slow.error is not None
    assert slow.error.detail == "it ran longer than 0.2 s"
    assert after.status == "completed"


def test_a_job_that_ignores_the_signal_is_killed_after_a_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (result,) = supervise(
        [planned(tmp_path, timeout_s=0.05)],
        python({"one": STUBBORN}),
        patience=Patience(after_timeout_s=0.1, after_cancel_s=0.1),
        clock=ClockFrom(tmp_path / "ready"),
    )
    assert (result.status, result.exit_code) == ("timed_out", -9)


def test_a_job_that_answers_although_it_was_to_end_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = f"""
import signal, sys, time
def end(*_):
    {ANSWER}
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open("ready", "w").close()
time.sleep(600)
"""
    (result,) = supervise(
        [planned(tmp_path, timeout_s=0.05)],
        python({"one": program}),
        patience=Patience(after_timeout_s=60.0),
        clock=ClockFrom(tmp_path / "ready"),
    )
    assert result.status == "completed"


def test_cancelling_ends_what_runs_and_skips_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cancel = CancelToken()

    def cancel_soon(progress: WorkProgress) -> None:
        if progress.note == "one, two":
            while not (tmp_path / "ready").exists():
                time.sleep(0.01)
            cancel.cancel()

    jobs = [planned(tmp_path, name) for name in ("one", "two", "three")]
    one, two, three = supervise(
        jobs,
        python({"one": SLEEP, "two": STUBBORN}),
        max_parallel=2,
        cancel=cancel,
        progress=cancel_soon,
    )
    assert (one.status, one.exit_code) == ("cancelled", -15)
    assert (two.status, two.exit_code) == ("cancelled", -9)
    assert three.status == "skipped"
    assert three.error is not None
    assert "cancelled before it began" in three.error.detail


def test_a_batch_that_is_cancelled_before_it_begins_starts_nothing(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    (result,) = supervise([planned(tmp_path)], python({}), cancel=cancel)
    assert result.status == "skipped"


def test_no_process_is_left_when_a_callback_fails(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    def fail(progress: WorkProgress) -> None:
        if progress.note:
            while not (pid.exists() and pid.read_text()):
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        supervise([planned(tmp_path)], python({"one": program}), progress=fail)
    assert not Path(f"/proc/{pid.read_text()}").exists()


def test_progress_counts_jobs_and_names_those_that_run(tmp_path: Path) -> None:
    told: list[WorkProgress] = []
    jobs = [planned(tmp_path, name) for name in "abcde"]
    supervise(jobs, python(dict.fromkeys("abcde", ANSWER)), max_parallel=5, progress=told.append)
    assert told[0] == WorkProgress(done=0, total=5, unit="jobs", note="")
    assert told[1].note == "a, b, c and 2 more"
    assert told[-1] == WorkProgress(done=5, total=5, unit="jobs", note="")
    assert [each.done for each in told] == sorted(each.done for each in told)


def test_a_job_that_cannot_be_started_has_failed_and_the_next_one_runs(tmp_path: Path) -> None:
    def words(job: PlannedJob) -> list[str]:
        too_long = ["x" * 10_000_000] if job.name == "long" else []
        return [sys.executable, "-c", ANSWER, *too_long]

    (tmp_path / "blocked").write_text("a file where the folder should be")
    names = ("long", "blocked", "good")
    long, blocked, good = supervise([planned(tmp_path, name) for name in names], words)
    assert (long.status, blocked.status, good.status) == ("failed", "failed", "completed")
    assert long.error is not None
    assert long.error.error == "IO"
    assert "cannot start it" in long.error.detail


def test_artifacts_are_the_files_that_are_there(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    writes = {"json_out": made, "svg_out": tmp_path / "never.svg"}
    program = f"open({str(made)!r}, 'w'); {ANSWER}"
    (result,) = supervise([planned(tmp_path, writes=writes)], python({"one": program}))
    assert result.artifacts == {"json_out": str(made)}


def test_a_job_is_adhash_itself_and_nothing_else(tmp_path: Path) -> None:
    job = planned(tmp_path, command="run-csv", arguments=("--csv=$(reboot)",))
    words = adhash_words(job)
    assert words[1:] == ["-P", "-m", "adhash", "run-csv", "--json", "--csv=$(reboot)"]
    assert words[0] == sys.executable
