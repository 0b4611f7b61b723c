"""The reads of the store: on connections of their own, never waiting for the writer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from adhash.clock import Clock
from adhash.service import store_queries, store_rows, store_tallies
from adhash.service.lifecycle import Status
from adhash.service.models import Event, EventType, TimelineEntry
from adhash.service.records import (
    ArtifactRecord,
    AuditRecord,
    Histogram,
    InputRecord,
    JobFilter,
    JobRecord,
    StoreMetrics,
)
from adhash.service.store_faults import DATABASE_FAULTS, fault_of
from adhash.service.store_rows import Row
from adhash.service.store_schema import artifacts, events, inputs, jobs, tallies

Result = TypeVar("Result")

# Jobs with a label; to look up so many costs about as much as to walk through all of 100,000.
_MANY = 10_000


class StoreReads:
    """Everything that can be asked of the store.

    Every method raises `StoreUnavailableError` if the database is out of reach.

    Parameters
    ----------
    engine : Engine
        Of the readers, see `adhash.service.store_engines.reading_engine`.
    clock : Clock
        Tells how long the oldest job has waited.
    """

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._reading = engine
        self._clock = clock

    # --- jobs ------------------------------------------------------------------------------------

    def job(self, job_id: str) -> JobRecord | None:
        """Return a job in full, or None if there is none of that name."""
        found = self._rows(sa.select(*store_rows.JOB).where(jobs.c.id == job_id))
        return store_rows.job_record(found[0]) if found else None

    def jobs(
        self,
        wanted: JobFilter,
        *,
        before: str | None = None,
        limit: int = 100,
        with_documents: bool = False,
    ) -> list[JobRecord]:
        """Return the newest jobs that match, newest first by name.

        Parameters
        ----------
        wanted : JobFilter
            Which ones.
        before : str or None
            Only jobs with names that sort before this one: the last of the page before.
        limit : int
            How many at most.
        with_documents : bool
            Whether request, options, result, placement and confinement are read too. They are
            empty otherwise.

        Returns
        -------
        list of JobRecord
            At most `limit`.
        """
        page = store_queries.page_of_ids(
            wanted, driver=self._rarest(wanted.labels), before=before, limit=limit
        )
        columns = store_rows.JOB if with_documents else store_rows.JOB_IN_BRIEF
        query = sa.select(*columns).where(jobs.c.id.in_(page)).order_by(jobs.c.id.desc())
        return [store_rows.job_record(row) for row in self._rows(query)]

    def queued(self, limit: int) -> list[JobRecord]:
        """Return waiting jobs in full: highest priority first, of these the oldest first."""
        return [store_rows.job_record(r) for r in self._rows(store_queries.queue(limit))]

    def active(self) -> list[JobRecord]:
        """Return the running jobs in full, oldest first."""
        query = sa.select(*store_rows.JOB).where(jobs.c.status == Status.RUNNING.value)
        rows = self._rows(query.order_by(jobs.c.seq))
        return [store_rows.job_record(row) for row in rows]

    def position_in_queue(self, job_id: str) -> int:
        """Return 1 for the waiting job that is next, and so on; 0 for a job that does not wait."""
        return int(self._rows(store_queries.position(job_id))[0]["position"])

    def counts_by_owner(self, owner: str) -> tuple[int, int]:
        """Return how many jobs of `owner` wait, and how many run."""
        counts = {row["status"]: row["count"] for row in self._rows(store_queries.counts_of(owner))}
        return int(counts.get(Status.PENDING, 0)), int(counts.get(Status.RUNNING, 0))

    def ended_before(self, at: datetime, limit: int) -> list[str]:
        """Return jobs that ended before `at` and still have their files, oldest first."""
        query = (
            sa.select(jobs.c.id)
            .where(jobs.c.is_expired.is_(False), jobs.c.finished_at < at)
            .order_by(jobs.c.finished_at)
            .limit(limit)
        )
        return [row["id"] for row in self._rows(query)]

    def artifacts(self, job_id: str) -> list[ArtifactRecord]:
        """Return the files a job made, by name; also of an expired job, whose files are gone."""
        query = sa.select(artifacts).where(artifacts.c.job_id == job_id).order_by(artifacts.c.name)
        return [store_rows.artifact(row) for row in self._rows(query)]

    def input(self, sha256: str) -> InputRecord | None:
        """Return the upload with this digest, or None."""
        found = self._rows(sa.select(inputs).where(inputs.c.sha256 == sha256))
        return store_rows.input_record(found[0]) if found else None

    def inputs_before(self, at: datetime) -> list[str]:
        """Return the digests of the uploads that were last uploaded before `at`, oldest first."""
        query = (
            sa.select(inputs.c.sha256)
            .where(inputs.c.created_at < at)
            .order_by(inputs.c.created_at, inputs.c.sha256)
        )
        return [row["sha256"] for row in self._rows(query)]

    def requests_with(self, text: str) -> list[str]:
        """Return the requests, as JSON, that hold `text`, of jobs whose files are kept.

        A job that has not ended is one of them. This reads every such request.
        """
        request = sa.cast(jobs.c.request, sa.Text)
        query = sa.select(request.label("request")).where(
            jobs.c.is_expired.is_(False), request.contains(text, autoescape=True)
        )
        return [row["request"] for row in self._rows(query)]

    # --- events ----------------------------------------------------------------------------------

    def timeline(self, job_id: str) -> list[TimelineEntry]:
        """Return the statuses a job reached, in the order it reached them."""
        query = store_queries.events_of(job_id, types=(EventType.STATUS,))
        return [
            TimelineEntry(
                status=Status(row["data"]["status"]), at=row["at"], reason=row["data"]["reason"]
            )
            for row in self._rows(query)
        ]

    def events(
        self,
        job_id: str,
        *,
        after: int = 0,
        limit: int = 1_000,
        types: Collection[EventType] | None = None,
    ) -> list[Event]:
        """Return what happened to a job after an event, in the order of their numbers.

        Parameters
        ----------
        job_id : str
            Which job.
        after : int
            The number of the last event that is known; 0 for none.
        limit : int
            How many at most.
        types : collection of EventType or None
            Which sorts; None for all but audit.

        Returns
        -------
        list of Event
            At most `limit`.
        """
        query = store_queries.events_of(job_id, types=types).where(events.c.id > after)
        return [store_rows.event(row) for row in self._rows(query.limit(limit))]

    def last_ticks(self, job_id: str, last: int | None = None) -> list[Event]:
        """Return the last ticks of a replay, all where `last` is None, oldest first."""
        query = store_queries.events_of(job_id, types=(EventType.METRICS,), is_newest_first=True)
        rows = self._rows(query if last is None else query.limit(last))
        return [store_rows.event(row) for row in reversed(rows)]

    def event_bounds(self, job_id: str) -> tuple[int, int]:
        """Return the oldest number from which nothing is missing, and the newest; 0, 0 for none.

        A follower whose last event is older than the first number less one has missed events that
        retention has deleted.
        """
        found = self._rows(store_queries.event_bounds(job_id))[0]
        oldest, newest, pruned = found["oldest"], found["newest"], found["pruned_to"]
        if newest is None:
            return 0, 0
        return (pruned + 1 if pruned else oldest), newest

    def audit(self, *, after: int = 0, limit: int = 1_000) -> list[AuditRecord]:
        """Return who did what, after an event's number, in the order of these."""
        query = (
            sa.select(events)
            .where(events.c.type == EventType.AUDIT.value, events.c.id > after)
            .order_by(events.c.id)
            .limit(limit)
        )
        return [store_rows.audit_record(row) for row in self._rows(query)]

    # --- figures ---------------------------------------------------------------------------------

    def metrics(self) -> StoreMetrics:
        """Return the counts and times that the metrics endpoint tells."""
        counted = self._rows(store_queries.counts())
        tallied = self._rows(sa.select(tallies))
        oldest = self._rows(store_queries.oldest_queued())
        return StoreMetrics(
            jobs={(row["kind"], Status(row["status"])): int(row["count"]) for row in counted},
            queue_wait=_histograms(tallied, store_tallies.QUEUE_WAIT),
            run_time=_histograms(tallied, store_tallies.RUN_TIME),
            attempts_lost=sum(
                row["count"] for row in tallied if row["measure"] == store_tallies.ATTEMPTS_LOST
            ),
            oldest_queued_s=self._age_s(oldest[0]["created_at"]) if oldest else 0.0,
        )

    def _age_s(self, since: datetime) -> float:
        return max(0.0, (self._clock.now() - since).total_seconds())

    def _rarest(self, labels: Collection[store_queries.Label]) -> store_queries.Label | None:
        """Return the label that fewest jobs have, or None if many have each of them."""
        counts = {
            label: self._rows(store_queries.how_many_have(label, at_most=_MANY))[0]["count"]
            for label in labels
        }
        rarest = min(counts, key=counts.__getitem__, default=None)
        return None if rarest is None or counts[rarest] == _MANY else rarest

    # --- connections -----------------------------------------------------------------------------

    def _rows(self, query: sa.Select[Any]) -> list[Row]:
        def fetch() -> list[Row]:
            with self._reading.connect() as connection:
                found = connection.execute(query)
                names = list(found.keys())
                return [dict(zip(names, row, strict=True)) for row in found]

        return self._guarded(fetch)

    def _guarded(self, read: Callable[[], Result]) -> Result:
        """Run a read; a second time if the first met a connection that had died unnoticed."""
        try:
            try:
                return read()
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return read()
        except DATABASE_FAULTS as error:
            raise fault_of(error, self._reading.url) from None


def _histograms(rows: list[Row], measure: str) -> dict[str, Histogram]:
    return store_tallies.histograms(row for row in rows if row["measure"] == measure)
