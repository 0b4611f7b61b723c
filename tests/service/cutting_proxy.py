"""A proxy that breaks connections: what a client must live with, made to happen on purpose."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)


@dataclass
class CuttingProxy:
    """Passes connections on, and breaks each of the first `cuts` after `cut_after` bytes of answer.

    With 0 bytes a connection breaks when the request has come through and before any answer.
    """

    target: tuple[str, int]
    cuts: int = 0
    cut_after: int = 0
    cut: int = 0
    requests: list[bytes] = field(default_factory=list)
    _listener: socket.socket = field(init=False)

    def start(self) -> None:
        """Listen on a free port."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Return the address to call instead of the server's."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.target) as server, suppress(OSError):
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            sent = 0
            while block := server.recv(1 << 14):
                if self.cut < self.cuts and sent + len(block) > self.cut_after:
                    self.cut += 1
                    client.sendall(block[: max(self.cut_after - sent, 0)])
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(block)
                sent += len(block)
            client.shutdown(socket.SHUT_WR)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while block := client.recv(1 << 14):
                self.requests.append(block)
                server.sendall(block)


@contextmanager
def cutting(url: str, *, cuts: int, cut_after: int) -> Iterator[CuttingProxy]:
    """Run a proxy in front of the server at `url`."""
    parts = urlsplit(url)
    proxy = CuttingProxy(
        target=(str(parts.hostname), int(parts.port or 0)), cuts=cuts, cut_after=cut_after
    )
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
