"""What every request passes before a route sees it: who calls, how often, how much.

This is a plain ASGI layer and no dependency of the routes, so that nothing of a body is read and
nothing about a route is told before the caller is known; and so that no stream is buffered. It also
writes the one line a request leaves in the log, which never holds a query: tokens and signatures
travel there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from limits import parse as parse_limit
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers

from adhash.clock import NS_PER_S, Clock
from adhash.errors import AdhashError
from adhash.service.auth import Authenticator, Identity, Scope
from adhash.service.errors import ForeignHostError, RateLimitedError, TooLargeError
from adhash.service.event_log import event_logger
from adhash.service.loopback import is_loopback
from adhash.service.problems import headers_of, problem_of, problem_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as AsgiScope

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"})
_log = event_logger("adhash.service.http")


class Guard:
    """Lets requests through to an application, or answers them with a problem.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    authenticator : Authenticator
        Tells who calls.
    clock : Clock
        For the time that a request took.
    rate_limit : str
        Such as ``"600/minute"``; ``"off"`` for none.
    max_body_bytes : int
        For every body but an upload.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        clock: Clock,
        rate_limit: str,
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._clock = clock
        self._limit = None if rate_limit == "off" else parse_limit(rate_limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_ns = self._clock.monotonic_ns()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._let_through(scope, receive, send_and_note)
        finally:
            _log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                caller=scope.get("state", {}).get("caller_name", "-"),
                duration_s=(self._clock.monotonic_ns() - begun_ns) / NS_PER_S,
            )

    async def _let_through(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            self._admit(scope, headers)
            receive = self._measured(scope, headers, receive)
        except AdhashError as error:
            problem = problem_of(error)
            response = problem_response(problem, headers_of(problem))
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: AsgiScope, headers: Headers) -> None:
        if self._authenticator.is_open:
            _require_local_host(headers)
        if scope["path"] in _OPEN_PATHS or scope["method"] == "OPTIONS":
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if _is_signed_download(scope, query):
            # The route checks the signature: it names the artifact.
            scope.setdefault("state", {})["identity"] = None
            self._count("signature", scope)
            return
        try:
            identity = self._authenticator.identify(_token(headers, query))
        except AdhashError:
            # Guessing is what the limit is for.
            self._count("unknown", scope)
            raise
        self._count(identity.name, scope)
        identity.require(_needed(scope))
        scope.setdefault("state", {}).update(identity=identity, caller_name=identity.name)

    def _count(self, name: str, scope: AsgiScope) -> None:
        client = scope.get("client")
        if self._limit is None or client is None:
            return
        if not self._limiter.hit(self._limit, name, client[0]):
            raise RateLimitedError(
                f"more than {self._limit} requests", hint="slow down and try again"
            )

    def _measured(self, scope: AsgiScope, headers: Headers, receive: Receive) -> Receive:
        """Return what receives a body up to its limit; uploads have one of their own."""
        if scope["path"].startswith("/api/inputs/"):
            return receive
        limit = self._max_body_bytes
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        received = 0

        async def receive_within() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        return receive_within


def identity_of(state: Mapping[str, object]) -> Identity | None:
    """Return who calls; None for a caller with a signed URL."""
    identity = state.get("identity")
    return identity if isinstance(identity, Identity) else None


def _needed(scope: AsgiScope) -> Scope:
    return Scope.READ if scope["method"] in ("GET", "HEAD") else Scope.SUBMIT


def _is_signed_download(scope: AsgiScope, query: Mapping[str, list[str]]) -> bool:
    parts = scope["path"].split("/")
    is_artifact = parts[1:3] == ["api", "jobs"] and parts[4:5] == ["artifacts"] and len(parts) > 5
    return is_artifact and "signature" in query and scope["method"] in ("GET", "HEAD")


def _token(headers: Headers, query: Mapping[str, list[str]]) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    return query.get("token", [None])[0]


def _require_local_host(headers: Headers) -> None:
    """Refuse names that a foreign page may have pointed at this machine (DNS rebinding)."""
    host = headers.get("host", "localhost")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if not is_loopback(name.strip("[]").lower()):
        raise ForeignHostError(
            f"a server without a token answers to local names only; got {name[:80]!r}",
            hint="set ADHASH_TOKEN",
        )


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the body has more than {limit} bytes", hint="upload files instead")
