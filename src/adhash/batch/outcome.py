"""What a job left behind: its result and its complaint, read from its logs."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from adhash.batch.result import JobError

# A result is a page; a command that prints more than this prints something else.
_MAX_LINE_BYTES = 64 << 20
_ENVELOPE = {"error", "detail", "hint"}


def read_result(stdout: Path) -> dict[str, Any] | None:
    """Return the JSON object that is the last line of `stdout`; None where there is none.

    Parameters
    ----------
    stdout : Path
        What a command printed with ``--json``.

    Returns
    -------
    dict or None
        Its answer, without ``ok`` and ``command``, which the job has anyway.
    """
    answer = _last_object(stdout)
    if answer is None or "ok" not in answer:
        return None
    return {name: value for name, value in answer.items() if name not in ("ok", "command")}


def read_error(stderr: Path, exit_code: int | None) -> JobError:
    """Return the complaint of a job that failed: its envelope, or what its end says.

    Parameters
    ----------
    stderr : Path
        What the command complained about.
    exit_code : int or None
        How it ended; None where it never began.

    Returns
    -------
    JobError
        Never empty.
    """
    envelope = _last_object(stderr)
    if envelope is not None and envelope.keys() == _ENVELOPE:
        return JobError(**{name: str(value) for name, value in envelope.items()})
    return JobError(
        error="Invariant",
        detail=f"the process {_ending(exit_code)} without saying why",
        hint=f"see {stderr}",
    )


def _ending(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"


def _last_object(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(_last_line(path), parse_constant=lambda _: None)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _MAX_LINE_BYTES))
        lines = file.read().splitlines()
    full = [line for line in lines if line.strip()]
    return full[-1].decode("utf-8", "replace") if full else ""
