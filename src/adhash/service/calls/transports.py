"""Carrying steps out over HTTP: blocking, and under asyncio. This is all that differs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from adhash.errors import StorageError
from adhash.service.calls.connection import Connection, load_httpx, timeout_of
from adhash.service.calls.steps import (
    Answer,
    Ask,
    DisconnectedError,
    Do,
    Emit,
    Open,
    Pause,
    Read,
    Request,
    Step,
    Steps,
    T,
    Way,
)

if TYPE_CHECKING:
    import httpx

    from adhash.service.calls.upload_body import UploadBody


class Transport:
    """Carries steps out and waits for each."""

    def __init__(self, connection: Connection) -> None:
        self.url = connection.url
        self._http: httpx.Client = load_httpx().Client(**connection.options())

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def run(self, steps: Steps[T]) -> T:
        """Carry steps out and return what they come to."""
        way = Way(steps)
        for _ in self._drive(way):
            raise AssertionError("these steps emit nothing")
        return way.result

    def stream(self, steps: Steps[None]) -> Iterator[Any]:
        """Carry steps out and yield what they emit."""
        return self._drive(Way(steps))

    def _drive(self, way: Way[Any]) -> Iterator[Any]:
        line = _Line(self._http)
        try:
            while (step := way.next_step()) is not None:
                if isinstance(step, Emit):
                    yield step.value
                else:
                    self._carry_out(step, line, way)
        finally:
            way.give_up()
            line.close()

    def _carry_out(self, step: Step, line: _Line, way: Way[Any]) -> None:
        try:
            way.reply = line.carry_out(step)
        except load_httpx().TransportError as error:
            way.failure = disconnected(error, self.url)
        except OSError as error:
            way.failure = error


class _Line:
    """The one stream that the steps have open, and everything else they want."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._blocks: Iterator[bytes] = iter(())

    def carry_out(self, step: Step) -> Any:
        match step:
            case Ask(request=request):
                return whole(self._send(request, stream=False))
            case Open(request=request):
                return self._open(request)
            case Read():
                return next(self._blocks, b"")
            case Pause(seconds=seconds):
                return time.sleep(seconds)
            case Do(function=function):
                return function()

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _open(self, request: Request) -> Answer:
        self.close()
        response = self._response = self._send(request, stream=True)
        if response.is_error:
            response.read()
            return whole(response)
        self._blocks = response.iter_bytes()
        return head(response)

    def _send(self, request: Request, *, stream: bool) -> httpx.Response:
        content = None if request.file is None else request.file.blocks()
        return self._http.send(
            self._http.build_request(content=content, **message(request)), stream=stream
        )


class AsyncTransport:
    """Carries steps out under asyncio."""

    def __init__(self, connection: Connection) -> None:
        self.url = connection.url
        self._http: httpx.AsyncClient = load_httpx().AsyncClient(**connection.options())

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def run(self, steps: Steps[T]) -> T:
        """Carry steps out and return what they come to."""
        way = Way(steps)
        async for _ in self._drive(way):
            raise AssertionError("these steps emit nothing")
        return way.result

    def stream(self, steps: Steps[None]) -> AsyncIterator[Any]:
        """Carry steps out and yield what they emit."""
        return self._drive(Way(steps))

    async def _drive(self, way: Way[Any]) -> AsyncIterator[Any]:
        line = _AsyncLine(self._http)
        try:
            while (step := way.next_step()) is not None:
                if isinstance(step, Emit):
                    yield step.value
                else:
                    await self._carry_out(step, line, way)
        finally:
            way.give_up()
            await line.close()

    async def _carry_out(self, step: Step, line: _AsyncLine, way: Way[Any]) -> None:
        try:
            way.reply = await line.carry_out(step)
        except load_httpx().TransportError as error:
            way.failure = disconnected(error, self.url)
        except OSError as error:
            way.failure = error


class _AsyncLine:
    """As `_Line`, under asyncio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self._blocks: AsyncIterator[bytes] | None = None

    async def carry_out(self, step: Step) -> Any:
        match step:
            case Ask(request=request):
                return whole(await self._send(request, stream=False))
            case Open(request=request):
                return await self._open(request)
            case Read():
                return b"" if self._blocks is None else await anext(self._blocks, b"")
            case Pause(seconds=seconds):
                return await asyncio.sleep(seconds)
            case Do(function=function):
                return await asyncio.to_thread(function)

    async def close(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response = None

    async def _open(self, request: Request) -> Answer:
        await self.close()
        response = self._response = await self._send(request, stream=True)
        if response.is_error:
            await response.aread()
            return whole(response)
        self._blocks = response.aiter_bytes()
        return head(response)

    async def _send(self, request: Request, *, stream: bool) -> httpx.Response:
        content = None if request.file is None else _blocks_of(request.file)
        return await self._http.send(
            self._http.build_request(content=content, **message(request)), stream=stream
        )


async def _blocks_of(file: UploadBody) -> AsyncIterator[bytes]:
    blocks = file.blocks()
    while block := await asyncio.to_thread(next, blocks, b""):
        yield block


# --- what both share -----------------------------------------------------------------------------


def message(request: Request) -> dict[str, Any]:
    """Return a request as httpx wants it, but for a body that is a file."""
    return {
        "method": request.method,
        "url": request.path,
        "params": list(request.query) or None,
        "headers": dict(request.headers),
        "json": None if request.body is None else dict(request.body),
        "timeout": timeout_of(request.timeout_s),
    }


def head(response: httpx.Response) -> Answer:
    """Return an answer without its body."""
    return Answer(status=response.status_code, headers=_headers(response))


def whole(response: httpx.Response) -> Answer:
    """Return an answer that was read to its end."""
    return Answer(status=response.status_code, headers=_headers(response), body=response.content)


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def disconnected(error: httpx.TransportError, url: str) -> DisconnectedError:
    """Return what the steps are told of a failure of the network.

    Parameters
    ----------
    error : httpx.TransportError
        What went wrong.
    url : str
        The address of the server.

    Returns
    -------
    DisconnectedError
        Perhaps to be tried again.

    Raises
    ------
    StorageError
        If the two do not agree on certificates: they never will.
    """
    httpx = load_httpx()
    if isinstance(error, httpx.ConnectTimeout):
        return DisconnectedError(f"cannot connect to {url}: no answer in time")
    if "[SSL" in str(error):
        raise StorageError(
            f"cannot connect to {url} safely: {error}",
            hint="check whose certificates are believed, and which one is shown",
        ) from error
    if isinstance(error, httpx.ConnectError):
        return DisconnectedError(f"cannot connect to {url}: {error}")
    if isinstance(error, httpx.ReadTimeout):
        return DisconnectedError(f"{url} has been silent for too long", is_silent=True)
    return DisconnectedError(f"the connection to {url} broke: {error or type(error).__name__}")
