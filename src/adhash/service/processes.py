"""Processes as the kernel tells of them: who lives, who belongs to an attempt, how they are ended.

A pid alone names nothing: once its process is gone the kernel gives the number to another. So a
process is named by pid and start time (in clock ticks since boot), and an attempt keeps the boot
as well. Before a signal is sent a pidfd is opened and the start time compared once more: what the
signal reaches is then what was meant.

What belongs to an attempt is found in three ways, because each can be escaped:

- by its cookie, ``ADHASH_JOB_ATTEMPT=<job id>/<attempt>`` in its environment, which every process
  inherits, however often it forks, whatever session it makes (but not if it clears it on exec);
- by its session, which is the runner's own;
- by descent from the runner, which adopts orphans as a subreaper while it lives.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

COOKIE = "ADHASH_JOB_ATTEMPT"
_PROC = Path("/proc")
# Of the fields of /proc/<pid>/stat after the name, which is in parentheses (see proc(5)).
_STATE, _PARENT, _GROUP, _SESSION, _START_TIME = 0, 1, 2, 3, 19


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that was seen alive."""

    pid: int
    start_time: int
    parent: int
    group: int
    session: int


def cookie_of(job_id: str, attempt: int) -> str:
    """Return what the environment of every process of an attempt holds."""
    return f"{job_id}/{attempt}"


def boot_id() -> str:
    """Return a name of this boot of the system; empty where the system has none."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def find_process(pid: int, *, or_zombie: bool = False) -> Process | None:
    """Return the living process of that number; a zombie has ended, whoever forgot to reap it.

    Parameters
    ----------
    pid : int
        The number.
    or_zombie : bool
        Whether to return one that has ended as well, while its parent has not waited for it.

    Returns
    -------
    Process or None
        None where there is none.
    """
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name may hold spaces and parentheses; the last one ends it.
    fields = line[line.rfind(b")") + 2 :].split()
    if not fields or (fields[_STATE] in (b"Z", b"X") and not or_zombie):
        return None
    return Process(
        pid=pid,
        start_time=int(fields[_START_TIME]),
        parent=int(fields[_PARENT]),
        group=int(fields[_GROUP]),
        session=int(fields[_SESSION]),
    )


def start_time_of(pid: int, *, or_zombie: bool = False) -> int | None:
    """Return when the process began, in clock ticks since boot; None where there is none.

    See `find_process`.
    """
    found = find_process(pid, or_zombie=or_zombie)
    return None if found is None else found.start_time


def is_alive(pid: int, start_time: int) -> bool:
    """Return whether the very process of that number and start time lives."""
    return start_time_of(pid) == start_time


def all_processes() -> list[Process]:
    """Return every living process that can be seen."""
    found = (find_process(pid) for pid in _pids())
    return [process for process in found if process is not None]


def with_cookies(processes: Iterable[Process], cookies: Collection[str]) -> dict[str, set[Process]]:
    """Return the processes whose environment holds one of `cookies`, by cookie.

    Parameters
    ----------
    processes : iterable of Process
        Where to look.
    cookies : collection of str
        From `cookie_of`.

    Returns
    -------
    dict of str to set of Process
        Every cookie is a key.
    """
    found: dict[str, set[Process]] = {cookie: set() for cookie in cookies}
    for process in processes:
        cookie = _cookie_in(process.pid)
        if cookie in found:
            found[cookie].add(process)
    return found


def descendants(roots: Collection[int], processes: Collection[Process]) -> set[Process]:
    """Return the children of `roots`, theirs, and so on, without the roots themselves."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: set[Process] = set()
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child.pid)
    return found


def send_signal(process: Process, number: signal.Signals) -> bool:
    """Send a signal to the very process, and return whether it was there to be reached."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not is_alive(process.pid, process.start_time):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def kill_all(processes: Iterable[Process], *, wait_s: float) -> None:
    """Send SIGKILL to each and wait until all are gone, or for so many seconds.

    Parameters
    ----------
    processes : iterable of Process
        None of them is a child of this process that must be reaped.
    wait_s : float
        The longest wait, in seconds.
    """
    with _pidfds(processes) as descriptors:
        for descriptor in descriptors:
            with suppress(OSError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        _wait_for_ends(descriptors, wait_s)


@contextmanager
def _pidfds(processes: Iterable[Process]) -> Iterator[list[int]]:
    """Give a pidfd of every process that still is the one meant."""
    descriptors = list(_open_pidfds(processes))
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _open_pidfds(processes: Iterable[Process]) -> Iterator[int]:
    for process in processes:
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:
            continue
        if is_alive(process.pid, process.start_time):
            yield descriptor
        else:
            os.close(descriptor)


def _wait_for_ends(descriptors: Iterable[int], wait_s: float) -> None:
    """Wait for each in turn: all together end within the one wait, or they do not."""
    poll = select.poll()
    waiting = set(descriptors)
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    while waiting:
        ended = poll.poll(wait_s * 1000)
        if not ended:
            return
        for descriptor, _ in ended:
            poll.unregister(descriptor)
            waiting.discard(descriptor)


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - many
    except OSError:
        return []


def _cookie_in(pid: int) -> str | None:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        # It ended, or it belongs to somebody else: then it is not of an attempt.
        return None
    prefix = f"{COOKIE}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode(errors="replace")
    return None
