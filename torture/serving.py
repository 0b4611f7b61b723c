"""``python -m torture.serving``: the server of the product, with a worse executor and clock.

It is started, listens and ends as ``python -m adhash.service`` does. ``--clock FILE`` moves its
clock by the seconds that the file holds, at any time.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from adhash.clock import Clock, SystemClock
from adhash.errors import AdhashError
from adhash.service.api import create_app
from adhash.service.jobs import JobManager
from adhash.service.server import serve
from adhash.service.settings import ServiceSettings, load_service_settings
from torture.executor import TortureExecutor


class MovedClock(SystemClock):
    """The clock of the system with its date moved, as by somebody who sets it.

    Parameters
    ----------
    place : Path
        A file that holds by how many seconds; none if it is not there.
    """

    def __init__(self, place: Path) -> None:
        self._place = place

    def now(self) -> datetime:
        """Return the date and time in UTC, as they are set now."""
        offset_s = 0.0
        with suppress(OSError, ValueError):
            offset_s = float(self._place.read_text())
        return super().now() + timedelta(seconds=offset_s)


def main() -> int:
    """Serve until a signal ends it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m torture.serving", description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--job-root", type=Path)
    parser.add_argument("--clock", type=Path)
    given = parser.parse_args()
    clock = SystemClock() if given.clock is None else MovedClock(given.clock)
    try:
        settings = load_service_settings(os.environ, port=given.port, job_root=given.job_root)
        _serve(settings, clock)
    except AdhashError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    return 0


def _serve(settings: ServiceSettings, clock: Clock) -> None:
    executor = TortureExecutor(settings, environ=os.environ, clock=clock)
    with JobManager(settings.job_root, settings=settings, executor=executor, clock=clock) as jobs:
        serve(settings, app=create_app(jobs, settings=settings, clock=clock))


if __name__ == "__main__":
    sys.exit(main())
