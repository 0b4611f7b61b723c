"""A runner that waits for its order, its work with everything imported.

From the start of Python to the first operation of a replay most of the time goes into imports:
numpy, pydantic, the models of all options. A server that is idle can have that done beforehand:

    server --spawn--> spare runner --fork--> spare work: imports, then waits
       |  one line: folder, attempt, environment
       '-------------> becomes the runner of the attempt, and passes the line on

The runner stays as small as any other; only the process of the work, which needs it all anyway,
holds it. Both have their own mark of the attempt to come: a variable of the environment cannot be
set from outside once a process runs, and what ``/proc/<pid>/environ`` shows is memory of the
process itself. So a spare is started with a cookie of dashes, long enough for any, and writes the
right one over it before it does anything else.

The line ends the wait; the end of the pipe without a line, when the server is gone, ends the spare.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from adhash.errors import InvariantError
from adhash.service.folder import AttemptFolder, JobFolder
from adhash.service.kernel import adopt_orphans
from adhash.service.orders import Spec, read_spec
from adhash.service.processes import COOKIE
from adhash.service.runner import Runner
from adhash.service.work_process import fork_the_work

BLANK_COOKIE = "-" * 64
_WARM_MODULES = (
    "adhash.service.kinds",
    "adhash.service.kind_runs",
    "adhash.service.work_context",
    "adhash.replay.run",
    "adhash.maps",
    "adhash.workloads.samples",
    "adhash.workloads.sources",
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a spare is told: whose runner it becomes, and in which environment."""

    folder: str
    attempt: int
    environment: dict[str, str]

    def to_line(self) -> bytes:
        """Return the call as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @property
    def attempt_folder(self) -> AttemptFolder:
        """Return the folder of the attempt."""
        return JobFolder(Path(self.folder)).attempt(self.attempt)


def read_call(line: bytes) -> Call | None:
    """Return what a line says; None if it is the end, or the server died while it wrote."""
    return Call(**json.loads(line)) if line.endswith(b"\n") else None


def wait_and_run(work: Callable[[Spec], int]) -> int:
    """Be a spare runner until a call comes, and then a runner.

    Parameters
    ----------
    work : callable
        Carries out an order in the process of the work; returns its exit code.

    Returns
    -------
    int
        The exit code of the runner; 0 if nobody called.
    """
    # What was adopted before the call came would otherwise be missed.
    adopt_orphans()
    spare = SpareWork(work)
    call = read_call(sys.stdin.buffer.readline())
    if call is None:
        return 0
    _speak_into(call.attempt_folder.runner_log)
    take_environment(call.environment)
    os.chdir(call.attempt_folder.temporary)
    return Runner(_spec_of(call), lambda _: spare.start(call)).run()


class SpareWork:
    """The process of the work, from before it knows what to do.

    Parameters
    ----------
    work : callable
        Carries out an order; returns its exit code.
    """

    def __init__(self, work: Callable[[Spec], int]) -> None:
        self._work = work
        reader, self._writer = os.pipe()
        self._pid = fork_the_work(lambda: self._wait(reader))
        os.close(reader)

    def start(self, call: Call) -> int:
        """Let the work begin, or begin another that did not wait if this one is gone.

        Parameters
        ----------
        call : Call
            What the runner was told.

        Returns
        -------
        int
            The pid of the work.
        """
        with suppress(ChildProcessError, BrokenPipeError):
            ended, _ = os.waitpid(self._pid, os.WNOHANG)
            if not ended:
                os.write(self._writer, call.to_line())
                os.close(self._writer)
                return self._pid
        return fork_the_work(lambda: self._work(_spec_of(call)))

    def _wait(self, reader: int) -> int:
        # The runner's ends: as long as they are open here, neither pipe would ever end.
        os.close(self._writer)
        _listen_to_nobody()
        warm_up()
        with os.fdopen(reader, "rb") as pipe:
            call = read_call(pipe.readline())
        if call is None:
            return 0
        take_environment(call.environment)
        os.chdir(call.attempt_folder.temporary)
        return self._work(_spec_of(call))


def warm_up() -> None:
    """Import what most kinds of work need; what cannot be imported will be missed by the work."""
    for name in _WARM_MODULES:
        with suppress(ImportError):
            __import__(name)
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - only their number
        raise InvariantError("an import started a thread, which a sandbox would not bind")


def take_environment(environment: dict[str, str]) -> None:
    """Replace the environment of this process, as it is seen from inside and outside.

    Parameters
    ----------
    environment : dict of str to str
        All of it, with the cookie of the attempt.
    """
    _overwrite_cookie(environment[COOKIE])
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


def _overwrite_cookie(cookie: str) -> None:
    """Write the cookie where the kernel shows it: into the memory that exec laid out."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    place = libc.getenv(COOKIE.encode())
    if place is None or len(cookie) >= len(BLANK_COOKIE):
        raise InvariantError(f"there is no room for the cookie {cookie!r}")
    ctypes.memmove(place, cookie.encode() + b"\0", len(cookie) + 1)


def _speak_into(log: Path) -> None:
    opened = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.close(opened)
    _listen_to_nobody()


def _listen_to_nobody() -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _spec_of(call: Call) -> Spec:
    spec = read_spec(JobFolder(Path(call.folder)).spec)
    if spec.order.attempt != call.attempt:
        raise InvariantError(f"{call.folder} holds an order for attempt {spec.order.attempt}")
    return spec
