"""Names of jobs: 26 characters that sort by the time they were made (the ULID layout).

Ten characters hold the milliseconds since 1970, sixteen hold 80 random bits, both in Crockford's
base 32. Newest-first listings are then an index scan over the name itself, and a name is safe as
a folder, in a URL and in a log.

References
----------
The ULID specification, github.com/ulid/spec.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PATTERN = r"^[0-9A-HJKMNP-TV-Z]{26}$"
_FORM = re.compile(PATTERN)


def new_job_id(now: datetime, random_bits: Callable[[int], int]) -> str:
    """Return a new name for a job accepted at `now`.

    Parameters
    ----------
    now : datetime
        With a time zone.
    random_bits : callable
        Returns a number of so many random bits, as `secrets.randbits` does.

    Returns
    -------
    str
        26 characters.
    """
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    return _encode(milliseconds, 10) + _encode(random_bits(80), 16)


def is_job_id(text: str) -> bool:
    """Return whether `text` has the form of a job's name."""
    return _FORM.fullmatch(text) is not None


def _encode(number: int, length: int) -> str:
    places = range(5 * (length - 1), -1, -5)
    return "".join(_DIGITS[(number >> place) & 31] for place in places)
