"""Jobs, their labels, artifacts and events; uploads, answers and counts.

Two triggers a table keep what no program may break: a job that has ended keeps its status, its
times, its error and its result, and no job is deleted; an event is never changed, and deleted only
if it is progress or a tick of a job whose files were deleted before.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATUSES = "'pending', 'running', 'completed', 'failed', 'cancelled'"
_TERMINAL = "'completed', 'failed', 'cancelled'"
_EVENT_TYPES = "'status', 'progress', 'metrics', 'artifact', 'alert', 'audit'"

# The types as they are today: what a migration made must not change with the code.
_JOB_NAME = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_DOCUMENT = sa.JSON()


def upgrade() -> None:
    """Make everything, in an empty database."""
    _create_jobs()
    _create_what_jobs_have()
    _create_events()
    _create_inputs_and_answers()
    _create_counts()
    triggers = _SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_TRIGGERS
    for statement in triggers:
        op.execute(statement)


def _must(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        _must("seq", _COUNTER),
        _must("id", _JOB_NAME),
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
        _must("created_at", _TIME),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        _must("events_consumed", sa.BigInteger),
        _must("pruned_to", sa.BigInteger),
        sa.Column("traceparent", sa.Text),
        _must("labels", _DOCUMENT),
        sa.Column("error", _DOCUMENT),
        sa.Column("progress", _DOCUMENT),
        _must("placement", _DOCUMENT),
        sa.Column("confinement", _DOCUMENT),
        _must("request", _DOCUMENT),
        _must("options", _DOCUMENT),
        sa.Column("result", _DOCUMENT),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name=op.f("ck_jobs_status")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_listing", "jobs", ["id", "status", "kind", "owner"])
    op.create_index("ix_jobs_queue", "jobs", ["status", "queue_rank", "seq"])
    op.create_index("ix_jobs_retention", "jobs", ["is_expired", "finished_at"])


def _create_what_jobs_have() -> None:
    op.create_table(
        "job_labels",
        _must("job_id", _JOB_NAME),
        _must("name", sa.Text),
        _must("value", sa.Text),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("pk_job_labels")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_labels_job_id")),
    )
    op.create_index("ix_job_labels_listing", "job_labels", ["name", "value", "job_id"])
    op.create_table(
        "artifacts",
        _must("job_id", _JOB_NAME),
        _must("name", sa.Text),
        _must("size", sa.BigInteger),
        _must("media_type", sa.Text),
        _must("sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("pk_artifacts")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_artifacts_job_id")),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        _must("id", _COUNTER),
        sa.Column("job_id", _JOB_NAME),
        _must("type", sa.String(16)),
        _must("at", _TIME),
        _must("data", _DOCUMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_events_job_id")),
        sa.CheckConstraint(f"type IN ({_EVENT_TYPES})", name=op.f("ck_events_type")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_following", "events", ["job_id", "id"])
    op.create_index("ix_events_by_type", "events", ["job_id", "type", "id"])


def _create_inputs_and_answers() -> None:
    op.create_table(
        "inputs",
        _must("sha256", sa.String(64)),
        _must("name", sa.Text),
        _must("size", sa.BigInteger),
        _must("owner", sa.Text),
        _must("created_at", _TIME),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_inputs")),
    )
    op.create_table(
        "idempotency_keys",
        _must("owner", sa.Text),
        _must("key", sa.Text),
        _must("digest", sa.Text),
        _must("created_at", _TIME),
        sa.Column("job_id", _JOB_NAME),
        sa.Column("response_status", sa.Integer),
        sa.Column("response_body", _DOCUMENT),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_idempotency_keys_job_id")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])


def _create_counts() -> None:
    op.create_table(
        "job_counts",
        _must("status", sa.String(16)),
        _must("owner", sa.Text),
        _must("kind", sa.Text),
        _must("count", sa.BigInteger),
        sa.PrimaryKeyConstraint("status", "owner", "kind", name=op.f("pk_job_counts")),
    )
    op.create_table(
        "tallies",
        _must("measure", sa.String(32)),
        _must("kind", sa.Text),
        _must("bound", sa.Double, autoincrement=False),
        _must("count", sa.BigInteger),
        _must("total_s", sa.Double),
        sa.PrimaryKeyConstraint("measure", "kind", "bound", name=op.f("pk_tallies")),
    )
    op.create_table(
        "probes",
        _must("id", sa.Integer, autoincrement=False),
        _must("at", _TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probes")),
    )


_SQLITE_TRIGGERS = (
    f"""
    CREATE TRIGGER jobs_that_ended_stay_ended BEFORE UPDATE ON jobs
    WHEN OLD.status IN ({_TERMINAL}) AND (
        NEW.status <> OLD.status OR NEW.attempt <> OLD.attempt OR NEW.id <> OLD.id
        OR NEW.started_at IS NOT OLD.started_at OR NEW.finished_at IS NOT OLD.finished_at
        OR NEW.error IS NOT OLD.error OR NEW.result IS NOT OLD.result
    )
    BEGIN SELECT RAISE(ABORT, 'a job that has ended cannot change'); END
    """,
    """
    CREATE TRIGGER jobs_stay BEFORE DELETE ON jobs
    BEGIN SELECT RAISE(ABORT, 'a job is never deleted'); END
    """,
    """
    CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'an event cannot change'); END
    """,
    """
    CREATE TRIGGER events_stay BEFORE DELETE ON events
    WHEN OLD.type NOT IN ('progress', 'metrics')
        OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = OLD.job_id AND is_expired)
    BEGIN SELECT RAISE(ABORT, 'only progress and ticks of an expired job are deleted'); END
    """,
)

_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION adhash_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
    END $$
    """,
    f"""
    CREATE TRIGGER jobs_that_ended_stay_ended BEFORE UPDATE ON jobs FOR EACH ROW
    WHEN (OLD.status IN ({_TERMINAL}) AND (
        NEW.status <> OLD.status OR NEW.attempt <> OLD.attempt OR NEW.id <> OLD.id
        OR NEW.started_at IS DISTINCT FROM OLD.started_at
        OR NEW.finished_at IS DISTINCT FROM OLD.finished_at
        OR NEW.error::text IS DISTINCT FROM OLD.error::text
        OR NEW.result::text IS DISTINCT FROM OLD.result::text
    ))
    EXECUTE FUNCTION adhash_refuse('a job that has ended cannot change')
    """,
    """
    CREATE TRIGGER jobs_stay BEFORE DELETE ON jobs FOR EACH ROW
    EXECUTE FUNCTION adhash_refuse('a job is never deleted')
    """,
    """
    CREATE TRIGGER jobs_stay_all BEFORE TRUNCATE ON jobs
    EXECUTE FUNCTION adhash_refuse('a job is never deleted')
    """,
    """
    CREATE TRIGGER events_stay_as_they_are BEFORE UPDATE ON events FOR EACH ROW
    EXECUTE FUNCTION adhash_refuse('an event cannot change')
    """,
    # Other tables cannot be asked in the condition of a trigger.
    """
    CREATE FUNCTION adhash_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.type NOT IN ('progress', 'metrics')
            OR NOT EXISTS (SELECT 1 FROM jobs WHERE id = OLD.job_id AND is_expired)
        THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'only progress and ticks of an expired job are deleted';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER events_stay BEFORE DELETE ON events FOR EACH ROW
    EXECUTE FUNCTION adhash_keep_events()
    """,
    """
    CREATE TRIGGER events_stay_all BEFORE TRUNCATE ON events
    EXECUTE FUNCTION adhash_refuse('only progress and ticks of an expired job are deleted')
    """,
)
