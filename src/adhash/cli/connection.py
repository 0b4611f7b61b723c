"""Which server a command talks to, and the client that does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from adhash.service.client import Client

SERVER_VARIABLE = "ADHASH_SERVER"
_DEFAULT_URL = "http://127.0.0.1:9600"

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help=f"The server to ask; {SERVER_VARIABLE}, or {_DEFAULT_URL}, by default.",
        show_default=False,
    ),
]
RunOnServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help=f"Run it on this server of adhash serve; {SERVER_VARIABLE} by default.",
        show_default=False,
    ),
]


def server_for_run(given: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the server that a command shall run on; None to run it here.

    Parameters
    ----------
    given : str or None
        The option.
    environ : mapping of str to str or None
        The environment; None takes the process's.

    Returns
    -------
    str or None
        Its address.
    """
    environ = os.environ if environ is None else environ
    return given or environ.get(SERVER_VARIABLE) or None


def connect(given: str | None, environ: Mapping[str, str] | None = None) -> Client:
    """Return a client of the server that was named, in the environment or by default.

    Parameters
    ----------
    given : str or None
        The option.
    environ : mapping of str to str or None
        The environment: address, token, certificates. None takes the process's.

    Returns
    -------
    Client
        The caller closes it.

    Raises
    ------
    BadInputError
        If the address is none.
    StorageError
        If a certificate cannot be read.
    """
    from adhash.service.client import Client

    environ = os.environ if environ is None else environ
    return Client(
        server_for_run(given, environ) or _DEFAULT_URL,
        token=environ.get("ADHASH_TOKEN") or None,
        verify=environ.get("ADHASH_CA_FILE") or True,
        cert=environ.get("ADHASH_CLIENT_CERT") or None,
    )
