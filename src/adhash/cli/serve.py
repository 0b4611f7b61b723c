"""``adhash serve``: the control surface as a server."""

from __future__ import annotations

import os
from importlib import util
from pathlib import Path
from typing import Annotated

import typer

from adhash.errors import BadInputError


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("serve")(serve)


def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="HOST",
            help="The address to listen on; 127.0.0.1 by default.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="PORT",
            help="The port to listen on, 0 for a free one; 9600 by default.",
            show_default=False,
        ),
    ] = None,
    job_root: Annotated[
        Path | None,
        typer.Option(
            "--job-root",
            metavar="DIR",
            help="The folder of jobs; runs/jobs by default.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve jobs over HTTP until Ctrl-C or SIGTERM; jobs that run go on and are found again."""
    if util.find_spec("fastapi") is None or util.find_spec("sqlalchemy") is None:
        raise BadInputError(
            "the service needs packages that are not installed",
            hint="pip install 'adhash[service]'",
        )
    from adhash.service.server import serve as serve_until_signalled
    from adhash.service.settings import load_service_settings

    settings = load_service_settings(os.environ, host=host, port=port, job_root=job_root)
    serve_until_signalled(settings)
