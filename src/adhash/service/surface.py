"""What the routes share: one object, made when the application starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from adhash.clock import Clock
from adhash.service.auth import Identity
from adhash.service.errors import UnauthenticatedError
from adhash.service.followers import Followers
from adhash.service.guard import identity_of
from adhash.service.jobs import JobManager
from adhash.service.models import ArtifactInfo, JobDetail
from adhash.service.records import ArtifactRecord
from adhash.service.settings import ServiceSettings
from adhash.service.signed_urls import UrlSigner
from adhash.service.streams import Streams


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The manager and what HTTP needs around it."""

    manager: JobManager
    followers: Followers
    streams: Streams
    signer: UrlSigner
    settings: ServiceSettings
    clock: Clock

    def with_urls(self, detail: JobDetail) -> JobDetail:
        """Return a job whose artifacts have signed URLs."""
        signed = [self.signed(detail.id, artifact) for artifact in detail.artifacts]
        return detail.model_copy(update={"artifacts": signed})

    def signed(self, job_id: str, artifact: ArtifactInfo) -> ArtifactInfo:
        """Return an artifact with a signed URL."""
        record = ArtifactRecord(
            name=artifact.name,
            size=artifact.size,
            media_type=artifact.media_type,
            sha256=artifact.sha256,
        )
        ttl_s = self.settings.signed_url_ttl_s
        signed = self.signer.sign(job_id, record, ttl_s=ttl_s)
        return artifact.model_copy(update={"url": signed.url, "expires_at": signed.expires_at})


def _surface(request: Request) -> Surface:
    surface: Surface = request.app.state.surface
    return surface


def _identity(request: Request) -> Identity:
    identity = identity_of(request.scope.get("state", {}))
    if identity is None:
        # The guard lets nobody without a token through to a route that asks for one.
        raise UnauthenticatedError("a token is needed")
    return identity


TheSurface = Annotated[Surface, Depends(_surface)]
TheCaller = Annotated[Identity, Depends(_identity)]
