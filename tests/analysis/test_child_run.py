"""Children: pinned, without standard input, and gone with their group when they are not wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from process_children import children

from adhash.analysis.child_run import (
    Finished,
    child_command,
    run_child,
    usable_core,
    without_settings,
)
from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.errors import (
    AdhashError,
    BadInputError,
    InterruptedRunError,
    InvariantError,
    PolicyError,
    StorageError,
)

Start = Callable[..., Finished]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return a function that runs a program of Python as a child."""

    def run(
        program: str, *, core: int | None = None, cancel: CancelToken | None = None
    ) -> Finished:
        return run_child(
            [sys.executable, "-c", program],
            who="the run of b (swiss)",
            folder=tmp_path,
            environ=dict(os.environ),
            core=core,
            clock=SystemClock(),
            cancel=cancel or CancelToken(),
        )

    return run


def answering(expression: str) -> str:
    return f'import json, os, sys; print(json.dumps({{"ok": True, "seen": {expression}}}))'


def test_the_answer_of_a_child_comes_with_what_it_cost(start: Start) -> None:
    finished = start(answering("sum(range(1_000_000))"))
    assert finished.answer["seen"] == 499_999_500_000
    assert finished.cpu_s > 0
    assert finished.wall_s > 0


def test_a_child_reads_nothing_even_where_its_parent_could(tmp_path: Path) -> None:
    program = f"""
import os, sys
from pathlib import Path
from adhash.analysis.child_run import run_child
from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
finished = run_child(
    [sys.executable, "-c", {answering("sys.stdin.read()")!r}], who="it",
    folder=Path({str(tmp_path)!r}), environ=dict(os.environ), core=None, clock=SystemClock(),
    cancel=CancelToken())
print(repr(finished.answer["seen"]), sys.stdin.read())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input="secret", capture_output=True, text=True, check=True
    )
    assert done.stdout == "'' secret\n"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not bind")
def test_a_child_runs_on_its_core_alone_and_its_parent_is_free(start: Start) -> None:
    before = os.sched_getaffinity(0)
    core = usable_core()
    program = "import time; time.sleep(0.1)\nfrom threading import Thread\n" + answering(
        "sorted(os.sched_getaffinity(0))"
    )
    assert start(program, core=core).answer["seen"] == [core]
    assert os.sched_getaffinity(0) == before


def test_a_child_leads_a_group_in_the_session_of_its_parent(start: Start) -> None:
    seen = start(answering("[os.getpid(), os.getpgid(0), os.getsid(0)]")).answer["seen"]
    assert seen[0] == seen[1]
    assert seen[2] == os.getsid(0)


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("BadInput", 2, BadInputError),
        ("Invariant", 3, InvariantError),
        ("Policy", 4, PolicyError),
        ("IO", 5, StorageError),
        ("Interrupted", 130, InterruptedRunError),
    ],
)
def test_the_envelope_of_a_failing_child_is_the_cause(
    start: Start, name: str, code: int, kind: type[AdhashError]
) -> None:
    envelope = json.dumps({"error": name, "detail": "it broke", "hint": "mend it"})
    with pytest.raises(kind) as caught:
        start(f"import sys; sys.stderr.write('a warning\\n' + {envelope!r}); sys.exit({code})")
    assert caught.value.detail == "the run of b (swiss): it broke"
    assert caught.value.hint == "mend it"
    cause = caught.value.__cause__
    assert isinstance(cause, kind)
    assert cause.detail == "it broke"


@pytest.mark.parametrize("words", ["no JSON", '{"error": "Strange", "detail": 1, "hint": 2}', "[]"])
def test_a_child_that_fails_in_a_way_of_its_own_is_told_with_its_words(
    start: Start, words: str
) -> None:
    with pytest.raises(InvariantError, match="exit code 7"):
        start(f"import sys; print({words!r}, file=sys.stderr); sys.exit(7)")


def test_a_killed_child_is_an_error_that_names_the_signal(start: Start) -> None:
    with pytest.raises(StorageError, match=r"the run of b \(swiss\) was ended by signal 9"):
        start("import os; os.kill(os.getpid(), 9)")


@pytest.mark.parametrize("printed", ["", "hello", "[1]", '{"ok": false}'])
def test_a_child_that_ends_without_an_answer_is_a_fault(start: Start, printed: str) -> None:
    with pytest.raises(InvariantError, match="ended without an answer"):
        start(f"print({printed!r})")


def test_a_program_that_is_missing_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot start"):
        run_child(
            [str(tmp_path / "missing")],
            who="it",
            folder=tmp_path,
            environ={},
            core=None,
            clock=SystemClock(),
            cancel=CancelToken(),
        )


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_cancelling_ends_the_child_and_what_it_started(start: Start, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
    program = f"""
import os, subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", {stubborn!r}])
open({str(pids)!r} + ".new", "w").write(f"{{os.getpid()}} {{inner.pid}}")
os.rename({str(pids)!r} + ".new", {str(pids)!r})
time.sleep(300)
"""
    token = CancelToken()

    def cancel_once_both_run() -> None:
        while not pids.exists():
            time.sleep(0.01)
        token.cancel()

    canceller = threading.Thread(target=cancel_once_both_run)
    canceller.start()
    with pytest.raises(InterruptedRunError, match="the run of b"):
        start(program, cancel=token)
    canceller.join()
    outer, inner = map(int, pids.read_text().split())
    assert not _is_alive(outer)
    for _ in range(6000):  # the kernel ends the inner one on its own time
        if not _is_alive(inner):
            break
        time.sleep(0.01)
    assert not _is_alive(inner)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_an_exception_in_the_parent_leaves_no_child_behind(start: Start) -> None:
    class Impatient(CancelToken):
        @property
        def is_cancelled(self) -> bool:
            raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt):
        start("import time; time.sleep(300)", cancel=Impatient())
    assert children() <= before


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"the Python of b did not end within 0\.2 s"):
        run_child(
            [sys.executable, "-c", "import time; time.sleep(300)"],
            who="the Python of b",
            folder=tmp_path,
            environ=dict(os.environ),
            core=None,
            clock=SystemClock(),
            cancel=CancelToken(),
            limit_s=0.2,
        )


def test_the_command_names_the_trace_in_a_word_that_is_no_option() -> None:
    command = child_command("/some/python", {"csv": "--help"})
    assert command[:2] == ["/some/python", "-P"]
    assert [json.loads(word) for word in command[3:]] == [{"csv": "--help"}]
    assert len(child_command("/some/python")) == 3


def test_settings_of_the_environment_do_not_reach_a_child_twice() -> None:
    environ = {"ADHASH_REPLAY__RATE": "5", "ADHASH_ISA": "baseline", "PATH": "/bin"}
    assert without_settings(environ) == {"ADHASH_ISA": "baseline", "PATH": "/bin"}
