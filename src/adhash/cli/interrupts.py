"""Ctrl-C and SIGTERM during long work: the first asks it to stop, the second kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adhash.replay import CancelToken

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def cancelled_by_signals(token: CancelToken) -> Iterator[None]:
    """Cancel `token` on the first signal and restore what signals did before at the end.

    After the first signal both have their system's default again: a second one kills the process,
    whatever it is busy with. Outside of the main thread, where Python has no signals, this does
    nothing.

    Parameters
    ----------
    token : CancelToken
        What the work looks at.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        token.cancel_from_signal()

    before = {each: signal.signal(each, stop) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
