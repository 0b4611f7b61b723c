"""Running the application under uvicorn: where it listens, how it logs, how it ends."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from adhash.errors import PolicyError, StorageError
from adhash.service.api import create_app
from adhash.service.event_log import write_events
from adhash.service.jobs import JobManager
from adhash.service.loopback import is_loopback
from adhash.service.settings import ServiceSettings

# Followers are told to go at once; this is for whoever does not listen.
_SHUTDOWN_S = 4
_ENDING = (signal.SIGTERM, signal.SIGINT)


def serve(settings: ServiceSettings, *, app: FastAPI | None = None) -> None:
    """Serve until SIGTERM or SIGINT; running jobs go on and are found again.

    Parameters
    ----------
    settings : ServiceSettings
        Where to listen and everything else.
    app : FastAPI or None
        What to serve, from `create_app`; None makes it from the settings.

    Raises
    ------
    PolicyError
        If it would listen beyond this machine without a token.
    StorageError
        If the address is in use, or the folder of jobs is.
    """
    _require_token_beyond_loopback(settings)
    write_events(settings.log_level)
    with closing(_listen(settings)) as listener:
        if app is not None:
            _run(app, listener)
            return
        # Made here and not by the application: a folder that is in use is then one line to read.
        with JobManager(settings=settings, keeps_spare=True) as manager:
            _run(create_app(manager, settings=settings), listener)


class _Server(uvicorn.Server):
    """A server that tells its followers to go before it waits for them, and then returns.

    Uvicorn raises the signal that ended it once more when it is done, which would end the process
    before its jobs are let go of in order.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that end a server while it runs."""
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end on a signal."""
        app = self.config.app
        surface = getattr(app.state, "surface", None) if isinstance(app, FastAPI) else None
        if surface is not None:
            surface.followers.close()
        super().handle_exit(sig, frame)


def _run(app: FastAPI, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"adhash: listening on http://{shown}:{port}", file=sys.stderr, flush=True)
    _Server(config).run(sockets=[listener])


def _listen(settings: ServiceSettings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StorageError(f"cannot listen on {settings.host}: {error.strerror}") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise StorageError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}",
            hint="choose another --port, or end what listens there",
        ) from error
    return listener


def _require_token_beyond_loopback(settings: ServiceSettings) -> None:
    if settings.token is not None or settings.tokens_file is not None:
        return
    if not is_loopback(settings.host):
        raise PolicyError(
            f"refusing to listen on {settings.host} without a token",
            hint="set ADHASH_TOKEN, or listen on 127.0.0.1",
        )
