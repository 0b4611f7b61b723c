"""Requests as they stand: no client between that would clean a path before it is sent."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; status 0 if the connection was closed without an answer."""

    status: int
    body: bytes
    headers: dict[str, str]


def send_raw(
    base_url: str,
    method: str,
    target: bytes,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    timeout_s: float = 30.0,
) -> Answer:
    """Send a request whose target is taken byte for byte, and return the answer."""
    place = urlsplit(base_url)
    lines = {"Host": place.netloc, "Connection": "close", "Content-Length": str(len(body))}
    head = b"".join(
        f"{name}: {value}\r\n".encode() for name, value in (lines | (headers or {})).items()
    )
    request = method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body
    with socket.create_connection((place.hostname, place.port), timeout=timeout_s) as connection:
        # It may be refused before it was read; the answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        return _read(connection, method)


def _read(connection: socket.socket, method: str) -> Answer:
    answer = http.client.HTTPResponse(connection, method=method)
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ConnectionResetError):
        return Answer(status=0, body=b"", headers={})
    return Answer(status=answer.status, body=body, headers=dict(answer.getheaders()))
