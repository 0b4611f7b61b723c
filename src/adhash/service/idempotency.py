"""Names that callers give their requests, so that sending one again does nothing twice."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header

from adhash.service.records import IdempotencyKey

IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A name for this request: sent again with it, it gives the same answer.",
    ),
]


def key_of(owner: str, key: str, asked: list[Any]) -> IdempotencyKey:
    """Return a caller's name for a request with a digest of what it asks for."""
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    return IdempotencyKey(owner=owner, key=key, digest=digest)
