"""The server's end of a spare runner, see `adhash.service.spare`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from adhash.service.processes import COOKIE
from adhash.service.spare import BLANK_COOKIE, Call


class WarmRunner:
    """At most one runner that waits for an order.

    Parameters
    ----------
    command : sequence of str
        The program of the runner.
    environment : mapping of str to str
        What a runner of any order sees.
    cores : collection of int
        Where it imports: the server's own cores, so that it takes nothing from what runs.
    started : callable
        Told the pid of each, to be waited for when it ends.
    """

    def __init__(
        self,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        cores: Collection[int],
        started: Callable[[int], None],
    ) -> None:
        self._command = (*command, "--wait")
        self._environment = {**environment, COOKIE: BLANK_COOKIE}
        self._cores = cores
        self._started = started
        self._pid: int | None = None
        self._pipe = -1

    @property
    def is_waiting(self) -> bool:
        """Whether there is one."""
        return self._pid is not None

    def start(self) -> None:
        """Start one; where that fails, orders start their own runner and say why."""
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - the program is ours
                self._command,
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
                close_fds=True,
            )
        except OSError:
            os.close(writer)
            return
        finally:
            os.close(reader)
        process.returncode = 0
        self._pid, self._pipe = process.pid, writer
        self._started(process.pid)
        with suppress(OSError):
            os.sched_setaffinity(process.pid, self._cores)

    def take(self, call: Call) -> int | None:
        """Make the one that waits the runner of an attempt.

        Parameters
        ----------
        call : Call
            Whose runner it becomes.

        Returns
        -------
        int or None
            Its pid; None if there was none, or it died while it waited.
        """
        pid, self._pid = self._pid, None
        if pid is None:
            return None
        try:
            os.write(self._pipe, call.to_line())
        except OSError:
            return None
        finally:
            os.close(self._pipe)
        return pid

    def dismiss(self) -> None:
        """Let the one that waits go."""
        if self._pid is not None:
            self._pid = None
            os.close(self._pipe)
