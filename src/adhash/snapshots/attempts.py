"""Trying what damaged data may make impossible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa

from adhash.errors import SnapshotError

_Found = TypeVar("_Found")


def attempt(work: Callable[[], _Found]) -> _Found | str:
    """Return what `work` returns, or what is wrong with the file that made it fail.

    The list is what pyarrow and its Python parts raise on malformed data; errors of the system
    have a number and pass.

    Parameters
    ----------
    work : callable
        Reads something; returns no str.

    Returns
    -------
    object or str
        What it found, or why there is nothing.

    Raises
    ------
    OSError
        If the system refuses.
    """
    try:
        return work()
    except SnapshotError as error:
        return error.detail
    except (pa.ArrowException, MemoryError, ValueError, TypeError, OverflowError) as error:
        return f"Arrow cannot read it: {_first_line(error)}"
    except OSError as error:
        if error.errno is not None:
            raise
        return f"Arrow cannot read it: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:300] if lines else type(error).__name__
