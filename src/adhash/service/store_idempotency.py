"""What was answered to which key, so that a request that is sent twice is done once.

A submission's key points to its job. Any other answer is kept as it was given; while it is being
made its key is in flight. A key is forgotten after a day, and keys in flight are dropped when the
store is opened: whoever was answering them is gone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from adhash.service.errors import IdempotencyConflictError, IdempotencyInFlightError
from adhash.service.records import IdempotencyKey, RememberedResponse
from adhash.service.store_schema import idempotency_keys
from adhash.service.store_writer import Transaction

KEPT_FOR = timedelta(hours=24)
_IS_KEY = (idempotency_keys.c.owner == sa.bindparam("of_owner")) & (
    idempotency_keys.c.key == sa.bindparam("of_key")
)
_IS_IN_FLIGHT = idempotency_keys.c.job_id.is_(None) & idempotency_keys.c.response_status.is_(None)
_FIND = sa.select(idempotency_keys).where(_IS_KEY)
_ADD = idempotency_keys.insert()
_ANSWER = idempotency_keys.update().where(_IS_KEY)
_ABANDON = idempotency_keys.delete().where(_IS_KEY, _IS_IN_FLIGHT)
_ABANDON_ALL = idempotency_keys.delete().where(_IS_IN_FLIGHT)
_FORGET = idempotency_keys.delete().where(idempotency_keys.c.created_at < sa.bindparam("oldest"))


def job_of_key(transaction: Transaction, key: IdempotencyKey) -> str | None:
    """Return the job that the same request made before, or None.

    Parameters
    ----------
    transaction : Transaction
        The one to look in.
    key : IdempotencyKey
        Whose request, and which.

    Returns
    -------
    str or None
        The job's name.

    Raises
    ------
    IdempotencyConflictError
        If the key was used for another request.
    IdempotencyInFlightError
        If it is being used for an answer of another sort right now.
    """
    found = _find(transaction, key)
    if found is None:
        return None
    if found["job_id"] is None:
        raise _in_flight(key)
    return str(found["job_id"])


def remember_job(transaction: Transaction, key: IdempotencyKey, job_id: str) -> None:
    """Keep which job a request made."""
    _insert(transaction, key, job_id=job_id)


def begin_response(transaction: Transaction, key: IdempotencyKey) -> RememberedResponse | None:
    """Return what was answered before, or take the key; see `Store.begin_response`."""
    found = _find(transaction, key)
    if found is None:
        _insert(transaction, key, job_id=None)
        return None
    if found["response_status"] is None:
        raise _in_flight(key)
    return RememberedResponse(status=found["response_status"], body=found["response_body"])


def finish_response(
    transaction: Transaction, key: IdempotencyKey, response: RememberedResponse
) -> None:
    """Keep what was answered; see `Store.finish_response`."""
    values = {"response_status": response.status, "response_body": response.body}
    transaction.connection.execute(_ANSWER, {**_of(key), **values})


def abandon_response(transaction: Transaction, key: IdempotencyKey) -> None:
    """Give a key in flight back; see `Store.abandon_response`."""
    transaction.connection.execute(_ABANDON, _of(key))


def drop_in_flight(transaction: Transaction) -> None:
    """Give all keys in flight back: nobody is left who would finish them."""
    transaction.connection.execute(_ABANDON_ALL)


def _find(transaction: Transaction, key: IdempotencyKey) -> sa.RowMapping | None:
    """Return what is known of a key of the last day; older ones are deleted on the way."""
    transaction.connection.execute(_FORGET, {"oldest": transaction.now - KEPT_FOR})
    row = transaction.connection.execute(_FIND, _of(key)).mappings().one_or_none()
    if row is not None and row["digest"] != key.digest:
        raise IdempotencyConflictError(
            f"the idempotency key {key.key} was used for another request",
            hint="use a new key for each new request",
        )
    return row


def _insert(transaction: Transaction, key: IdempotencyKey, *, job_id: str | None) -> None:
    row: dict[str, Any] = {
        "owner": key.owner,
        "key": key.key,
        "digest": key.digest,
        "created_at": transaction.now,
        "job_id": job_id,
    }
    transaction.connection.execute(_ADD, row)


def _of(key: IdempotencyKey) -> dict[str, Any]:
    return {"of_owner": key.owner, "of_key": key.key}


def _in_flight(key: IdempotencyKey) -> IdempotencyInFlightError:
    return IdempotencyInFlightError(
        f"the first request with the idempotency key {key.key} is still being answered",
        hint="send it again in a moment",
    )
