"""From a job to the order of its next attempt: its outputs, what it may read, what it may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adhash.options.base import files_read, names_in
from adhash.service.attempts import AttemptOrder, Limits
from adhash.service.confine import place_outputs
from adhash.service.folder import inputs_folder, job_folder
from adhash.service.kinds import job_kind
from adhash.service.records import JobRecord
from adhash.service.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class OrderBook:
    """Makes orders by the settings of the service.

    The work of a trusted caller is not confined: it may read and write whatever that caller may.
    """

    settings: ServiceSettings
    job_root: Path

    def order(self, job: JobRecord) -> AttemptOrder:
        """Return the order of the job's present attempt."""
        kind = job_kind(job.kind)
        folder = job_folder(self.job_root, job.id)
        options = job.options
        if not job.is_trusted:
            artifacts = folder.attempt(job.state.attempt).artifacts
            options = place_outputs(kind.options, options, artifacts)
        trace = {} if job.traceparent is None else {"TRACEPARENT": job.traceparent}
        return AttemptOrder(
            job_id=job.id,
            attempt=job.state.attempt,
            kind=job.kind,
            folder=folder.path.absolute(),
            options=options,
            limits=self._limits(job),
            readable=self._readable(job),
            roots=None if job.is_trusted else self._roots(),
            needs_network=kind.needs_network(kind.options.model_validate(options)),
            needs_processes=kind.needs_processes,
            sandbox="off" if job.is_trusted else self.settings.sandbox,
            grace_s=self.settings.cancel_grace_s,
            heartbeat_s=self.settings.heartbeat_s,
            environment=trace,
        )

    def _limits(self, job: JobRecord) -> Limits:
        return Limits(
            timeout_s=job.timeout_s,
            memory_bytes=self.settings.max_memory_bytes,
            file_bytes=self.settings.max_file_bytes,
            processes=self.settings.max_processes,
        )

    def _readable(self, job: JobRecord) -> tuple[Path, ...]:
        """Return the inputs of the job, and the roots too where a suite may name more of them."""
        kind = job_kind(job.kind)
        options = job.options
        paths = [
            Path(named)
            for name in files_read(kind.options)
            for named in names_in(options.get(name))
        ]
        return (*paths, *self._roots()) if kind.needs_processes else tuple(paths)

    def _roots(self) -> tuple[Path, ...]:
        places = (*self.settings.data_roots, inputs_folder(self.job_root))
        return tuple(place.absolute() for place in places)
