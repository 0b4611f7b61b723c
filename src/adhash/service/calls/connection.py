"""Where the server is and how to get in: address, token, TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adhash.errors import BadInputError, StorageError

if TYPE_CHECKING:
    import httpx

Verify = bool | str | Path | ssl.SSLContext
Certificate = str | Path | tuple[str | Path, str | Path]

_CONNECT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How the server is reached.

    Parameters
    ----------
    url : str
        Such as ``http://127.0.0.1:9600``; a path is that of a proxy, before ``/api``.
    token : str or None
        The bearer token. It is not shown by ``repr``.
    verify : bool, path or SSLContext
        Whom to believe: True for the authorities of the system, the file or folder of others, a
        context of your own; False believes everybody.
    cert : path or pair of paths or None
        What shows who you are to a proxy that asks (mTLS): one file of certificate and key, or
        both.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    verify: Verify = True
    cert: Certificate | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise BadInputError(
                f"the address of a server begins with http:// or https://; got {self.url!r}",
                hint="such as http://127.0.0.1:9600",
            )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise BadInputError("the token has characters that no token has")

    def options(self) -> dict[str, Any]:
        """Return what a client of httpx is made with.

        Returns
        -------
        dict
            Keyword arguments.

        Raises
        ------
        StorageError
            If a certificate cannot be read.
        """
        # "identity": a proxy that compresses would hold back a stream, and ranges are of the file.
        headers = {"Accept-Encoding": "identity", "User-Agent": "adhash"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        # The environment is not asked: a proxy for the web is none for a server of one's own.
        return {
            "base_url": self.url.rstrip("/"),
            "headers": headers,
            "verify": self._context() if self.url.startswith("https:") else True,
            "trust_env": False,
        }

    def _context(self) -> ssl.SSLContext:
        try:
            context = self._trust()
            if self.cert is not None:
                files = self.cert if isinstance(self.cert, tuple) else (self.cert,)
                context.load_cert_chain(*files)
        except (OSError, ssl.SSLError) as error:
            raise StorageError(f"cannot read a certificate: {error}") from error
        return context

    def _trust(self) -> ssl.SSLContext:
        if isinstance(self.verify, ssl.SSLContext):
            return self.verify
        if not isinstance(self.verify, bool):
            path = Path(self.verify)
            return ssl.create_default_context(
                cafile=None if path.is_dir() else path, capath=path if path.is_dir() else None
            )
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def load_httpx() -> Any:
    """Return the module httpx, loaded when a client is made and not before.

    Returns
    -------
    module
        httpx.

    Raises
    ------
    BadInputError
        If it is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise BadInputError(
            "the client of the service needs httpx, which is not installed",
            hint="pip install 'adhash[service]'",
        ) from None
    return httpx


def timeout_of(silence_s: float) -> httpx.Timeout:
    """Return the time limits of a request: to connect, and for the server to be silent."""
    limits: httpx.Timeout = load_httpx().Timeout(silence_s, connect=_CONNECT_S)
    return limits
