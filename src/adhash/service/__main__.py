"""``python -m adhash.service``: the control surface as a server."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from adhash.errors import AdhashError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it, and return the exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Those of the command line; None takes the process's.

    Returns
    -------
    int
        0 after an orderly end, else the exit code of the error.
    """
    given = _parser().parse_args(arguments)
    # Deferred, so that --help is there at once.
    from adhash.service.server import serve
    from adhash.service.settings import load_service_settings

    try:
        settings = load_service_settings(
            os.environ, host=given.host, port=given.port, job_root=given.job_root
        )
        serve(settings)
    except AdhashError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adhash.service",
        description="Serve the control surface. Everything else is set by ADHASH_* variables.",
    )
    parser.add_argument("--host", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on, 0 for a free one (9600)")
    parser.add_argument("--job-root", type=Path, help="the folder of jobs (runs/jobs)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
