"""The service's own log: structured events, one JSON object a line, through Python's logging.

As a library the service is silent: nothing is printed until somebody configures logging, which
`adhash.service.server` does.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog


def event_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger of events; a call names what happened and gives the facts as keywords.

    Parameters
    ----------
    name : str
        The logger's name within ``adhash.service``.

    Returns
    -------
    structlog.stdlib.BoundLogger
        Writes to the logger of that name.
    """
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        cache_logger_on_first_use=False,
    )
    return logger


def write_events(level: str, stream: TextIO = sys.stderr) -> None:
    """Write the events of the service to a stream.

    Parameters
    ----------
    level : str
        The least important that are written: ``debug``, ``info``, ``warning`` or ``error``.
    stream : text file
        Where to.
    """
    logging.basicConfig(
        level=getattr(logging, level.upper()), stream=stream, format="%(message)s", force=True
    )
    # These tell in words of their own what the events tell already.
    for name in ("uvicorn", "alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
