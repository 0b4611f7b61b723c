"""What a map answers to an operation, as the native counter numbers it (``trace_dna.hpp``)."""

from __future__ import annotations

from typing import Final

#: The numbers of operations.
GET, PUT, DEL = 0, 1, 2

#: The numbers of answers.
(
    HIT,
    MISS_NEVER_PUT,
    MISS_DELETED,
    INSERT_FIRST,
    INSERT_AGAIN,
    UPDATE,
    DELETE_FOUND,
    DELETE_MISSED,
) = range(8)
OUTCOMES: Final = 8

#: What is known of a key: never put, in the map, or deleted from it.
ABSENT, LIVE, DELETED = 0, 1, 2
