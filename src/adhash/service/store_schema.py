"""The tables of the store: one schema for SQLite and PostgreSQL.

Triggers keep two promises that no program can break by mistake: what has ended stays ended, and
what happened stays told (see the first migration). The narrow columns of a job stand before the
documents, so that a listing never reads through those.

`jobs.seq` counts submissions. The queue is ordered by it and not by time, because a clock may be
set back. `queue_rank` is the priority with its sign turned: one ascending index then gives the
order of the queue, highest priority first and the oldest of these first, in both databases.

`job_counts` and `tallies` repeat what the jobs say, as counts kept in the same transactions: a
quota and a scrape of the metrics cost the same with ten jobs and with a million.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from adhash.service.lifecycle import Status
from adhash.service.models import EventType


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC with microseconds; SQLite has no zones, so there it is kept without."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the moment as the database takes it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs a zone to be kept; got {value}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the moment with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# SQLite counts by itself only in a column of the type INTEGER.
Counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Names of jobs sort by their bytes, whatever the language of the database.
JobName = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
Document = sa.JSON(none_as_null=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, words: type[Status] | type[EventType], name: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word.value}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=name)


def _must(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)


jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("seq", Counter, primary_key=True),
    _must("id", JobName),
    _must("kind", sa.Text),
    _must("owner", sa.Text),
    _must("status", sa.String(16)),
    _must("queue_rank", sa.Integer),
    _must("isolation", sa.String(32)),
    _must("attempt", sa.Integer),
    _must("retries_left", sa.Integer),
    _must("is_cancel_requested", sa.Boolean),
    _must("is_trusted", sa.Boolean),
    _must("is_expired", sa.Boolean),
    _must("timeout_s", sa.Double),
    _must("created_at", UtcTime),
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    _must("events_consumed", sa.BigInteger),
    _must("pruned_to", sa.BigInteger),
    sa.Column("traceparent", sa.Text),
    _must("labels", Document),
    sa.Column("error", Document),
    sa.Column("progress", Document),
    _must("placement", Document),
    sa.Column("confinement", Document),
    _must("request", Document),
    _must("options", Document),
    sa.Column("result", Document),
    sa.UniqueConstraint("id"),
    _one_of("status", Status, "status"),
    # Every column that a listing filters by: at worst it reads this index from end to end.
    sa.Index("ix_jobs_listing", "id", "status", "kind", "owner"),
    sa.Index("ix_jobs_queue", "status", "queue_rank", "seq"),
    sa.Index("ix_jobs_retention", "is_expired", "finished_at"),
    sqlite_autoincrement=True,
)

job_labels = sa.Table(
    "job_labels",
    metadata,
    sa.Column("job_id", JobName, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    _must("value", sa.Text),
    sa.Index("ix_job_labels_listing", "name", "value", "job_id"),
)

artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("job_id", JobName, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    _must("size", sa.BigInteger),
    _must("media_type", sa.Text),
    _must("sha256", sa.String(64)),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Counter, primary_key=True),
    sa.Column("job_id", JobName, sa.ForeignKey("jobs.id")),
    _must("type", sa.String(16)),
    _must("at", UtcTime),
    _must("data", Document),
    _one_of("type", EventType, "type"),
    sa.Index("ix_events_following", "job_id", "id"),
    sa.Index("ix_events_by_type", "job_id", "type", "id"),
    # Numbers are never given twice, even after the newest were pruned.
    sqlite_autoincrement=True,
)

inputs = sa.Table(
    "inputs",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    _must("name", sa.Text),
    _must("size", sa.BigInteger),
    _must("owner", sa.Text),
    _must("created_at", UtcTime),
)

# `job_id` for a submission; `response_status` and `response_body` for any other answer, and
# neither while that answer is being made.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _must("digest", sa.Text),
    _must("created_at", UtcTime, index=True),
    sa.Column("job_id", JobName, sa.ForeignKey("jobs.id")),
    sa.Column("response_status", sa.Integer),
    sa.Column("response_body", Document),
)

job_counts = sa.Table(
    "job_counts",
    metadata,
    sa.Column("status", sa.String(16), primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    _must("count", sa.BigInteger),
)

tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("measure", sa.String(32), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("bound", sa.Double, primary_key=True, autoincrement=False),
    _must("count", sa.BigInteger),
    _must("total_s", sa.Double),
)

# One row, written to see whether the store can be written.
probes = sa.Table(
    "probes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _must("at", UtcTime),
)
