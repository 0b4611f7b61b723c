"""The control surface over HTTP: `create_app` puts the routes on a `JobManager`.

A route checks nothing and decides nothing: it hands over to the manager and shapes the answer. What
comes before every route (tokens, limits) is `guard`, what streams is `streams`, how errors look is
`problems`, and the document of it all is `openapi`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from adhash.clock import Clock, SystemClock
from adhash.service.auth import Authenticator
from adhash.service.followers import Followers
from adhash.service.guard import Guard
from adhash.service.jobs import JobManager
from adhash.service.openapi import describe
from adhash.service.problems import add_problem_handlers
from adhash.service.routes import inputs, jobs, operations, outputs, submissions
from adhash.service.settings import ServiceSettings
from adhash.service.signed_urls import UrlSigner, load_keys
from adhash.service.streams import Streams
from adhash.service.surface import Surface

_CORS_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
_CORS_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Range",
    "traceparent",
]
_CORS_EXPOSED = ["Location", "Retry-After", "Content-Range", "ETag"]


def create_app(
    manager: JobManager | None = None,
    *,
    settings: ServiceSettings | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    manager : JobManager or None
        Whose jobs are served; the caller closes it. None makes one with the application's start
        and closes it at its end.
    settings : ServiceSettings or None
        None takes the manager's, or reads the environment.
    clock : Clock or None
        None is the system's.

    Returns
    -------
    FastAPI
        To be run by uvicorn, or called by tests.

    Raises
    ------
    ConfigError
        If a setting is out of its range, or the file of tokens is not valid.
    """
    chosen = _settings(manager, settings)
    clock = clock or SystemClock()
    token = None if chosen.token is None else chosen.token.get_secret_value()
    authenticator = Authenticator(token=token, tokens_file=chosen.tokens_file, clock=clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        own = manager or JobManager(settings=chosen, clock=clock, keeps_spare=True)
        try:
            own.limit_running(authenticator.running_quotas)
            own.uploads.remove_unfinished()
            followers = Followers(own)
            app.state.surface = _surface(own, followers, chosen, clock)
            yield
            followers.detach()
        finally:
            if manager is None:
                own.close()

    app = FastAPI(
        title="adhash control surface",
        lifespan=lifespan,
        redoc_url=None,
        # A redirect would repeat the query, and with it perhaps a token, in a header.
        redirect_slashes=False,
    )
    for router in (submissions, jobs, outputs, inputs, operations):
        app.include_router(router.router)
    add_problem_handlers(app)
    describe(app)
    app.add_middleware(
        Guard,
        authenticator=authenticator,
        clock=clock,
        rate_limit=chosen.rate_limit,
        max_body_bytes=chosen.max_body_bytes,
    )
    _allow_origins(app, chosen)
    return app


def _settings(manager: JobManager | None, settings: ServiceSettings | None) -> ServiceSettings:
    if settings is not None:
        return settings
    if manager is not None:
        return manager.settings
    import os

    from adhash.service.settings import load_service_settings

    return load_service_settings(os.environ)


def _surface(
    manager: JobManager, followers: Followers, settings: ServiceSettings, clock: Clock
) -> Surface:
    given = [key.get_secret_value() for key in settings.signing_keys]
    return Surface(
        manager=manager,
        followers=followers,
        streams=Streams(manager=manager, followers=followers),
        signer=UrlSigner(load_keys(given, manager.job_root), clock),
        settings=settings,
        clock=clock,
    )


def _allow_origins(app: FastAPI, settings: ServiceSettings) -> None:
    """Let browsers of the listed origins call; CORS stands before the guard, which sees no token
    in a preflight."""
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
        )
