"""One run in a process of its own, bound to one core, and what the system says of it.

The child is the program `adhash.analysis.ab_child`, started without a shell. It leads a process
group, so that one signal ends it with whatever it started, and stays in the session of its parent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.config_layers import PREFIX
from adhash.errors import (
    AdhashError,
    BadInputError,
    InterruptedRunError,
    InvariantError,
    PolicyError,
    StorageError,
)

LOOK_EVERY_S = 0.03
_PROGRAM = Path(__file__).with_name("ab_child.py")
# Far more than the summaries of a thousand replays: only a program that is not ours prints that.
_MAX_ANSWER_BYTES = 256 << 20
_SEPARATOR = "__"
_KINDS = {
    kind.name: kind
    for kind in (BadInputError, InvariantError, PolicyError, StorageError, InterruptedRunError)
}


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A child that ended by itself, without an error: its answer and what it cost."""

    answer: dict[str, Any]
    wall_s: float
    cpu_s: float


def usable_core() -> int | None:
    """Return the core that runs are bound to; None where the system does not bind.

    The last that this process may use: systems put most of their own work on the first.
    """
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def child_command(python: str, order: Mapping[str, object] | None = None) -> list[str]:
    """Return the command that runs `adhash.analysis.ab_child` by some Python.

    Parameters
    ----------
    python : str
        The interpreter.
    order : mapping or None
        What to replay, see there; None to describe the build.

    Returns
    -------
    list of str
        Program and arguments. Python does not look for modules in the current folder (``-P``):
        what lies there is not ours.
    """
    program = [python, "-P", str(_PROGRAM)]
    return program if order is None else [*program, json.dumps(order)]


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without settings: they are in the child's file already."""
    return {
        name: value
        for name, value in environ.items()
        if not (name.startswith(PREFIX) and _SEPARATOR in name)
    }


def run_child(
    command: Sequence[str],
    *,
    who: str,
    folder: Path,
    environ: Mapping[str, str],
    core: int | None,
    clock: Clock,
    cancel: CancelToken,
    limit_s: float | None = None,
) -> Finished:
    """Run a command of adhash that answers in JSON, and wait for it.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    who : str
        What messages call it.
    folder : Path
        For what it prints; used again by the next child.
    environ : mapping
        Its environment.
    core : int or None
        The core it may use; None for any.
    clock : Clock
        What measures its time.
    cancel : CancelToken
        Looked at every 30 ms; ends the child and its process group.
    limit_s : float or None
        How long it may take.

    Returns
    -------
    Finished
        Its answer.

    Raises
    ------
    AdhashError
        Of the class and with the words of the child's own error, which is the cause.
    StorageError
        If it cannot be started, took too long, printed far too much, or was killed.
    InterruptedRunError
        If `cancel` was set; no process of the child's group is left.
    """
    out, err = folder / "stdout", folder / "stderr"
    child = _start(command, out, err, environ, clock)
    try:
        _bind(child.process.pid, core)
        while not child.ended.wait(LOOK_EVERY_S):
            if cancel.is_cancelled:
                raise InterruptedRunError(f"interrupted while {who} ran")
            if out.stat().st_size > _MAX_ANSWER_BYTES:
                raise StorageError(f"{who} printed more than {_MAX_ANSWER_BYTES >> 20} MiB")
            if limit_s is not None and (clock.monotonic_ns() - child.began_ns) / NS_PER_S > limit_s:
                raise StorageError(f"{who} did not end within {limit_s:g} s")
    finally:
        child.end()
    if child.code != 0:
        raise _failure(who, child.code, _tail(err))
    return Finished(answer=_answer(who, out.read_bytes()), wall_s=child.wall_s, cpu_s=child.cpu_s)


@dataclass
class _Child:
    """A started process and the thread that waits for it.

    The thread blocks in ``wait4``, so that the end is seen at once and with what the process cost;
    a parent that polled would either disturb the measurement or see the end late.
    """

    process: subprocess.Popen[bytes]
    now_ns: Callable[[], int]
    began_ns: int
    ended: threading.Event = field(default_factory=threading.Event)
    code: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def watch(self) -> None:
        self._thread = threading.Thread(target=self._wait, name="adhash-child", daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        _, status, usage = os.wait4(self.process.pid, 0)
        self.wall_s = (self.now_ns() - self.began_ns) / NS_PER_S
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.code = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.ended.set()

    def end(self) -> None:
        """End the group unless the process ended by itself; wait until it is gone."""
        if not self.ended.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self._thread.join()


def _start(
    command: Sequence[str], out: Path, err: Path, environ: Mapping[str, str], clock: Clock
) -> _Child:
    try:
        with out.open("wb") as stdout, err.open("wb") as stderr:
            began_ns = clock.monotonic_ns()
            process = subprocess.Popen(  # noqa: S603 - a list of words, and no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=environ,
                process_group=0,
            )
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot start {command[0]}: {reason}") from error
    child = _Child(process=process, now_ns=clock.monotonic_ns, began_ns=began_ns)
    child.watch()
    return child


def _bind(pid: int, core: int | None) -> None:
    """Bind a process that has just begun: the threads it will make inherit that."""
    if core is not None:
        with suppress(OSError):  # it has ended already, or the core was taken away
            os.sched_setaffinity(pid, {core})


def _answer(who: str, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise InvariantError(f"{who} ended without an answer; it printed {text[:80]!r}")
    return answer


def _tail(path: Path) -> str:
    lines = path.read_bytes()[-65_536:].decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else ""


def _failure(who: str, code: int, last_line: str) -> AdhashError:
    """Return the error of a child that failed, with its own as the cause."""
    if code < 0:
        name = signal.strsignal(-code) or "unknown"
        return StorageError(
            f"{who} was ended by signal {-code} ({name})",
            hint="the system may have run out of memory",
        )
    own = _own_error(code, last_line)
    error = type(own)(f"{who}: {own.detail}", hint=own.hint)
    error.__cause__ = own
    return error


def _own_error(code: int, last_line: str) -> AdhashError:
    try:
        told = json.loads(last_line)
        return _KINDS[told["error"]](str(told["detail"]), hint=str(told["hint"]))
    except (ValueError, TypeError, KeyError):
        return InvariantError(f"it ended with exit code {code}: {last_line[:200]}")
