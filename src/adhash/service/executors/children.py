"""The runners that are children of this process, and how they ended.

Runners are found by their names alone, as after a restart. But whoever started a process must wait
for it, or it stays as a zombie; and only its parent learns its exit code. The record is one for the
whole process, whichever executor started them: while a pid stands here, it is not another's.
"""

from __future__ import annotations

import os

_running: set[int] = set()
_exit_codes: dict[int, int] = {}
# Codes that nobody asked for are of runners whose outcome said it all.
_KEPT_CODES = 1024


def add_child(pid: int) -> None:
    """Remember a process that this one started."""
    _exit_codes.pop(pid, None)
    _running.add(pid)


def reap_children() -> None:
    """Wait for those that ended, and for no other."""
    for pid in list(_running):
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended, status = pid, 0
        if ended:
            _running.discard(pid)
            _exit_codes[pid] = os.waitstatus_to_exitcode(status)
    while len(_exit_codes) > _KEPT_CODES:
        _exit_codes.pop(next(iter(_exit_codes)))


def exit_code_of(pid: int) -> int | None:
    """Return what a child ended with; None if it is no child, or has not ended."""
    return _exit_codes.get(pid)
