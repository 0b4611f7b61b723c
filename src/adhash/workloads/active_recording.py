"""The recording that recorders without a file of their own write to, if there is one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from adhash.workloads.trace_sink import TraceSink

#: The environment variable that names a trace for a program that is started as usual.
OUT_VARIABLE = "ADHASH_RECORD_OUT"


class ActiveRecording:
    """A sink that is given to the first recorder which asks for it.

    One only, because the keys of two mappings in one trace would be mixed up.

    Parameters
    ----------
    sink : TraceSink
        The trace.
    """

    def __init__(self, sink: TraceSink) -> None:
        self.sink = sink
        self.recorders = 0

    def claim(self) -> TraceSink | None:
        """Return the sink to the first caller, None to all others."""
        self.recorders += 1
        return self.sink if self.recorders == 1 else None


_lock = threading.Lock()
_active: ActiveRecording | None = None


@contextlib.contextmanager
def recording_to(sink: TraceSink) -> Iterator[ActiveRecording]:
    """Let recorders without a file of their own write to `sink` inside the block.

    Parameters
    ----------
    sink : TraceSink
        The trace; closed by whoever opened it.

    Yields
    ------
    ActiveRecording
        Who asked for the sink.
    """
    global _active
    outer, _active = _active, ActiveRecording(sink)
    try:
        yield _active
    finally:
        _active = outer


def claim() -> TraceSink | None:
    """Return where a new recorder writes, or None where nothing is recorded.

    Raises
    ------
    AdhashError
        Where the environment names a trace that cannot be written.
    """
    global _active
    with _lock:
        if _active is None:
            # Taken out of the environment, so that child processes do not write the same file.
            out = os.environ.pop(OUT_VARIABLE, "")
            if not out:
                return None
            _active = ActiveRecording(TraceSink(out))
        return _active.claim()
