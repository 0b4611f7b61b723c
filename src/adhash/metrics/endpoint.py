"""A run's live endpoint: Prometheus and JSON over HTTP for as long as the run lasts.

It runs in a daemon thread and only ever reads the board, so a slow or silent client costs the run
nothing and cannot keep it from ending.
"""

from __future__ import annotations

import json
import socket
import socketserver
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adhash.errors import BadInputError, StorageError
from adhash.metrics.board import TickBoard
from adhash.metrics.collectors import new_registry

PATHS = ("/metrics", "/metrics.json", "/ticks.json", "/healthz")
DEFAULT_LAST = 100
_JSON = "application/json"
_CLIENT_TIMEOUT_S = 10.0


class MetricsEndpoint:
    """Serves ``/metrics``, ``/metrics.json``, ``/ticks.json`` and ``/healthz``; a context manager.

    Parameters
    ----------
    board : TickBoard
        Where the run posts its ticks.
    host : str
        The address or name to listen on.
    port : int or "auto"
        The port to listen on; "auto" takes a free one.

    Raises
    ------
    BadInputError
        If the host is not an address of this machine.
    StorageError
        If the port is in use or may not be used.
    """

    def __init__(self, board: TickBoard, *, host: str, port: int | Literal["auto"]) -> None:
        number = 0 if port == "auto" else port
        family, address = _resolve(host, number)
        try:
            self._server = _Server(family, address, board)
        except OSError as error:
            raise StorageError(
                f"cannot listen on {host} port {port}: {error.strerror}",
                hint="choose another --metrics-port, or auto for a free one",
            ) from error
        self._host = host
        self._thread = Thread(target=self._serve, name="adhash-metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the endpoint, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Stop listening and free the port; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _resolve(host: str, port: int) -> tuple[int, Any]:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise BadInputError(
            f"metrics host {host!r} cannot be resolved: {error}",
            hint="use an address of this machine, such as 127.0.0.1",
        ) from error
    return family, address


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, family: int, address: Any, board: TickBoard) -> None:
        self.address_family = family
        self.pages = _Pages(board)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own version asks the DNS for this machine's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Drop a client that went away: its loss is no business of the run."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_TIMEOUT_S
    server_version = "adhash"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a page and its body."""
        self.wfile.write(self._answer())

    def do_HEAD(self) -> None:
        """Answer as to a GET, without the body."""
        self._answer()

    def _answer(self) -> bytes:
        status, media_type, body = self.server.pages.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        return body

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: standard error belongs to the run."""


_Answer = tuple[HTTPStatus, str, bytes]


class _Pages:
    """What the endpoint answers, apart from how it is sent."""

    def __init__(self, board: TickBoard) -> None:
        self._board = board
        self._registry = new_registry(board)

    def answer(self, target: str) -> _Answer:
        parts = urlsplit(target)
        match parts.path:
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case "/metrics.json":
                return self._latest_tick()
            case "/ticks.json":
                return self._last_ticks(parts.query)
            case "/healthz":
                return HTTPStatus.OK, _JSON, b'{"status":"ok"}'
        return _problem(HTTPStatus.NOT_FOUND, f"no such path; there are {', '.join(PATHS)}")

    def _latest_tick(self) -> _Answer:
        tick = self._board.latest()
        if tick is None:
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "no tick yet; ask again in a moment")
        return HTTPStatus.OK, _JSON, tick.to_json().encode()

    def _last_ticks(self, query: str) -> _Answer:
        wanted = parse_qs(query, keep_blank_values=True).get("last", [str(DEFAULT_LAST)])[-1]
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
            return _problem(
                HTTPStatus.BAD_REQUEST, f"last must be a whole number of 0 or more; got {wanted!r}"
            )
        ticks = ",".join(tick.to_json() for tick in self._board.last(int(wanted)))
        return HTTPStatus.OK, _JSON, f"[{ticks}]".encode()


def _problem(status: HTTPStatus, detail: str) -> _Answer:
    problem = {"title": status.phrase, "status": status.value, "detail": detail}
    return status, "application/problem+json", json.dumps(problem).encode()
