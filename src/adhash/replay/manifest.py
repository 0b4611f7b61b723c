"""The manifest: what is needed to repeat a run and to judge its numbers."""

from __future__ import annotations

import platform
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from adhash.config_models import Settings
from adhash.replay import host
from adhash.replay.noise import Noise


class Manifest(BaseModel):
    """What is needed to repeat a run and to judge its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    started_at: str = Field(description="When the run began: RFC 3339, UTC.")
    trace_sha256: str | None = Field(
        description="SHA-256 of the trace's file; null where it was not read to its end."
    )
    settings: dict[str, Any] = Field(description="Every setting of the run, by table.")
    seed: int = Field(description="The seed of the map's hash.")
    versions: dict[str, str] = Field(description="Versions of Python and of the packages used.")
    git_revision: str | None = Field(
        description="Revision of adhash's checkout, with -dirty for local changes; null where it "
        "was installed."
    )
    isa: str = Field(description="The instruction set of the native code: baseline, avx2 or neon.")
    host: str = Field(description="The name of the machine.")
    os: str = Field(description="The operating system.")
    cpu: str = Field(description="The model of the CPU.")
    affinity: list[int] | None = Field(
        description="The CPUs the process could use; null where the system does not say."
    )
    governor: str | None = Field(
        description="The frequency governor; null where the system does not say."
    )
    noise: Noise = Field(description="How much the machine disturbed the run.")


def describe_run(
    *,
    started_at: datetime,
    trace_sha256: str | None,
    settings: Settings,
    seed: int,
    isa: str,
    noise: Noise,
) -> Manifest:
    """Return the manifest of a run on this machine.

    Parameters
    ----------
    started_at : datetime
        When the run began, in UTC.
    trace_sha256 : str or None
        The digest of the trace's file, in hexadecimal.
    settings : Settings
        What the run was told to do.
    seed : int
        The seed that the map used.
    isa : str
        The instruction set of the native code.
    noise : Noise
        How much the machine disturbed the run.

    Returns
    -------
    Manifest
        With what this machine says about itself.
    """
    return Manifest(
        started_at=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        trace_sha256=trace_sha256,
        settings=settings.model_dump(mode="json"),
        seed=seed,
        versions=host.versions(),
        git_revision=host.git_revision(),
        isa=isa,
        host=platform.node(),
        os=platform.platform(),
        cpu=host.cpu_model(),
        affinity=host.affinity(),
        governor=host.governor(),
        noise=noise,
    )
