"""Becoming the process of the work: what is in place before a line of it runs.

Standard output and error are the job's files themselves, opened for appending and written through:
when this process dies in whatever way, everything it printed is in the files.
"""

from __future__ import annotations

import faulthandler
import gc
import io
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from adhash.errors import StorageError
from adhash.service.attempts import Limits
from adhash.service.folder import JobFolder
from adhash.service.kernel import die_with_parent, forbid_new_privileges
from adhash.service.orders import Spec

_OPEN_FILES = 4096
FAULT_EXIT_CODE = 70


def fork_the_work(body: Callable[[], int]) -> int:
    """Fork a process that dies with this one, and return its pid; in it this never returns.

    Parameters
    ----------
    body : callable
        Called in the new process; returns its exit code.

    Returns
    -------
    int
        The pid of the work, which is its process group as well.
    """
    runner = os.getpid()
    pid = os.fork()
    if pid:
        # Both set the group: whoever comes first, it is there before anybody signals it.
        with suppress(OSError):
            os.setpgid(pid, pid)
        return pid
    code = FAULT_EXIT_CODE
    try:
        _stand_alone(runner)
        code = body()
    except OSError as error:
        # The files of the job cannot be opened or written: there is no better place to say so.
        code = StorageError.exit_code
        with suppress(OSError):
            print(error, file=sys.stderr)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        # Nothing of the runner may run in this process.
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _stand_alone(runner: int) -> None:
    die_with_parent(signal.SIGKILL)
    if os.getppid() != runner:
        # It died before it could be watched: nobody would ever end this process.
        os._exit(FAULT_EXIT_CODE)
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def prepare_the_work(spec: Spec) -> None:
    """Put in place what an order asks for: files, cores, limits, and no way to more rights.

    Parameters
    ----------
    spec : Spec
        The order.
    """
    _write_into(JobFolder(spec.order.folder))
    faulthandler.enable(file=2)
    if spec.cores:
        os.sched_setaffinity(0, spec.cores)
    forbid_new_privileges()
    limit_resources(spec.order.limits)
    # What the runner holds stays as it is: a collection would only copy its pages.
    gc.freeze()


def _write_into(folder: JobFolder) -> None:
    for path, descriptor in ((folder.stdout, 1), (folder.stderr, 2)):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        opened = os.open(path, flags, 0o640)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = _written_through(1)
    sys.stderr = _written_through(2)


def _written_through(descriptor: int) -> io.TextIOWrapper:
    """Return text output that keeps nothing back, as ``python -u`` has it."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    # A raw file has all that text output asks for.
    return io.TextIOWrapper(
        raw,
        encoding="utf-8",
        errors="backslashreplace",
        write_through=True,
    )


def limit_resources(limits: Limits) -> None:
    """Set the limits of this process and of all that it starts.

    Parameters
    ----------
    limits : Limits
        What is allowed; 0 stands for no limit.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if limits.file_bytes:
        _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    if limits.memory_bytes:
        # Address space: what is mapped already, code and files, is not the work's doing.
        _limit(resource.RLIMIT_AS, limits.memory_bytes + _mapped_bytes())
    if limits.processes:
        # The kernel counts all that the user runs, not the job's alone.
        _limit(resource.RLIMIT_NPROC, limits.processes + _running_tasks())


def _limit(which: int, amount: int) -> None:
    _, hard = resource.getrlimit(which)
    allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(which, (allowed, allowed))


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _running_tasks() -> int:
    """Return about how many threads run on the machine."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].split("/")[1])
    return 0
