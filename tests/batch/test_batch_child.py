"""The process of a job, and the end of it and of all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adhash.batch.child import Child

# Far longer than anything here takes, even on a machine that is busy with other things.
PATIENCE_S = 60.0
# A process that says that it is ready, with its own child that ignores all but SIGKILL.
FAMILY = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    open("grandchild", "w").write(str(os.getpid()))
    os.rename("grandchild", "grandchild.pid")
    time.sleep(600)
open("ready", "w").close()
{then}
"""
SLEEP = "time.sleep(600)"
LEAVE = "os._exit(0)"


def wait_until(is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def start(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> Child:
    monkeypatch.chdir(folder)
    words = [sys.executable, "-c", program]
    return Child(words, stdout=folder / "out", stderr=folder / "err")


def test_a_child_prints_into_files_and_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import sys; print(len(sys.stdin.read())); print('no', file=sys.stderr); sys.exit(5)"
    child = start(tmp_path, program, monkeypatch)
    wait_until(child.has_ended)
    assert child.exit_code == 5
    assert ((tmp_path / "out").read_text(), (tmp_path / "err").read_text()) == ("0\n", "no\n")


def test_no_shell_reads_the_words_of_a_child(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print(sys.argv[1:])", "$(touch x); `touch y`", "*"]
    child = Child(words, stdout=tmp_path / "out", stderr=tmp_path / "err")
    wait_until(child.has_ended)
    assert (tmp_path / "out").read_text() == "['$(touch x); `touch y`', '*']\n"


def test_a_child_leads_a_session_and_a_group_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0))"
    child = start(tmp_path, program, monkeypatch)
    wait_until(child.has_ended)
    assert (tmp_path / "out").read_text() == "True\n"


def test_terminate_reaches_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import os, time\nos.fork()\nopen(f'{os.getpid()}.pid', 'w').close()\ntime.sleep(600)"
    child = start(tmp_path, program, monkeypatch)
    wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    child.terminate()
    wait_until(child.has_ended)
    assert child.exit_code == -signal.SIGTERM
    wait_until(lambda: not any(map(is_alive, pids)))


def test_kill_ends_what_ignores_every_other_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(tmp_path, FAMILY.format(then=SLEEP), monkeypatch)
    wait_until(lambda: (tmp_path / "grandchild.pid").exists() and (tmp_path / "ready").exists())
    grandchild = int((tmp_path / "grandchild.pid").read_text())
    child.terminate()
    assert not child.has_ended()
    child.kill()
    assert child.exit_code == -signal.SIGKILL
    wait_until(lambda: not is_alive(grandchild))


def test_what_a_child_leaves_behind_in_its_group_is_killed_as_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay = "while not os.path.exists('grandchild.pid'): time.sleep(0.01)"
    program = FAMILY.format(then=f"{stay}\n{LEAVE}")
    child = start(tmp_path, program, monkeypatch)
    wait_until(lambda: (tmp_path / "grandchild.pid").exists())
    grandchild = int((tmp_path / "grandchild.pid").read_text())
    wait_until(child.has_ended)
    assert child.exit_code == 0
    wait_until(lambda: not is_alive(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can kill with the parent")
def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from adhash.batch.child import Child
sleep = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(600)"
Child([sys.executable, "-c", sleep], stdout=Path("out"), stderr=Path("err"))
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path) as parent:
        written = tmp_path / "child"
        wait_until(lambda: written.exists() and written.read_text() != "")
        pid = int(written.read_text())
        assert is_alive(pid)
        parent.kill()
    wait_until(lambda: not is_alive(pid))


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child([str(tmp_path / "none")], stdout=tmp_path / "out", stderr=tmp_path / "err")
