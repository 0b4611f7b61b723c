"""Work that does not want to end: it naps, and leaves processes that hide from their parent.

The torture of the service and its tests use the same strays, so that what the one survives the
other was shown.
"""

from __future__ import annotations

import os
import signal
import time

from adhash.cancellation import CancelToken

_LONGEST_S = 600.0


def nap_until(cancel: CancelToken, *, is_deaf: bool) -> None:
    """Return once the work shall stop, or after far too long; deaf work hears nothing."""
    deadline = time.monotonic() + _LONGEST_S
    while time.monotonic() < deadline and (is_deaf or not cancel.is_cancelled):
        time.sleep(0.01)


def ignore_sigterm() -> None:
    """Make this process deaf to the polite signal."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def fork_a_stray() -> None:
    """Leave a process of another session, whose parent is gone, and which ignores SIGTERM."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    ignore_sigterm()
    if os.fork():
        os._exit(0)
    time.sleep(_LONGEST_S)
    os._exit(0)
