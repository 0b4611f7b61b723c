"""How an attempt ended: ``outcome.json``, the last thing that a runner writes, and its codes.

A code is for programs and never changes; what happened in this very case is in the detail.
"""

from __future__ import annotations

import errno
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adhash.atomic_files import replace_text
from adhash.errors import AdhashError
from adhash.service.attempts import AttemptPhase
from adhash.service.lifecycle import JobError

CODES: dict[str, str] = {
    "timed_out": "the job ran longer than its timeout_s",
    "out_of_memory": "the work needed more memory than there is, or than it was allowed",
    "killed": "the work or its runner was ended by a signal from outside",
    "crashed": "the work ended by a fault of its own: an exception, or a fault in native code",
    "bad_input": "an option, a trace or a snapshot cannot be used",
    "invariant": "a promise of adhash itself does not hold",
    "policy": "a rule or a limit forbids it",
    "io": "the system could not read or write something",
    "interrupted": "the work was asked to stop",
    "runner_lost": "the runner vanished and left no outcome",
}
_CODE_OF_NAME = {
    "BadInput": "bad_input",
    "Invariant": "invariant",
    "Policy": "policy",
    "IO": "io",
    "Interrupted": "interrupted",
}
CODE_OF_EXIT = {2: "bad_input", 3: "invariant", 4: "policy", 5: "io", 130: "interrupted"}
_EXIT_OF_CODE = {code: exit_code for exit_code, code in CODE_OF_EXIT.items()}


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an attempt took: CPU time in seconds, and the most memory of one process in bytes."""

    cpu_s: float = 0.0
    max_rss_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class WorkReport:
    """What the work says of its end.

    `result` may be there beside an `error`: measurements of a run whose answers were wrong, or of
    the part that ran before it was cancelled. `artifacts` are the names of the files it made.
    """

    result: dict[str, Any] | None = None
    error: JobError | None = None
    is_retryable: bool = False
    artifacts: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return what the process ends with, as the command line would."""
        return 0 if self.error is None else _EXIT_OF_CODE.get(self.error.code, 1)

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended, as the runner saw it once no process of it was left.

    `exit_code` and `signal` are those of the work's process; one of them is None.
    """

    attempt: int
    phase: AttemptPhase
    result: dict[str, Any] | None = None
    error: JobError | None = None
    is_retryable: bool = False
    artifacts: tuple[str, ...] = ()
    confinement: dict[str, Any] | None = None
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage = field(default_factory=Usage)


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Write how an attempt ended; the file is there whole or not at all.

    Parameters
    ----------
    path : Path
        Where.
    outcome : Outcome
        How.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    replace_text(path, json.dumps(asdict(outcome), ensure_ascii=False))


def read_outcome(path: Path) -> Outcome | None:
    """Return how an attempt ended; None while no runner has said so.

    Parameters
    ----------
    path : Path
        Where it would be.

    Returns
    -------
    Outcome or None
        As it was written.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        return Outcome(
            **{
                **fields,
                "phase": AttemptPhase(fields["phase"]),
                "error": _error(fields["error"]),
                "artifacts": tuple(fields["artifacts"]),
                "usage": Usage(**fields["usage"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_report(path: Path) -> WorkReport | None:
    """Return what the work said of its end; None if it said nothing whole.

    Parameters
    ----------
    path : Path
        Where it would be.

    Returns
    -------
    WorkReport or None
        As it was written.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        return WorkReport(
            result=fields["result"],
            error=_error(fields["error"]),
            is_retryable=bool(fields["is_retryable"]),
            artifacts=tuple(fields["artifacts"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _error(fields: dict[str, Any] | None) -> JobError | None:
    return None if fields is None else JobError(**fields)


def error_of(error: BaseException) -> JobError:
    """Return what an exception of the work means to its owner.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    JobError
        With a code of `CODES`.
    """
    if isinstance(error, AdhashError):
        code = _CODE_OF_NAME.get(error.name, "crashed")
        return JobError(code=code, detail=error.detail, hint=error.hint)
    if isinstance(error, MemoryError):
        return out_of_memory("the work asked for more memory than it may have")
    if isinstance(error, OSError):
        return _error_of_system(error)
    return JobError(
        code="crashed",
        detail=f"{type(error).__name__}: {error}",
        hint="this is a fault of adhash: the traceback is in the log of standard error",
    )


def _error_of_system(error: OSError) -> JobError:
    detail = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    if error.errno == errno.ENOMEM:
        return out_of_memory(detail)
    if error.errno == errno.EFBIG:
        return JobError(
            code="policy", detail=detail, hint="a file may have ADHASH_MAX_FILE_BYTES at most"
        )
    return JobError(code="io", detail=detail, hint="check the disk of the job root and its rights")


def out_of_memory(detail: str) -> JobError:
    """Return the error of work that memory ran out for."""
    return JobError(
        code="out_of_memory",
        detail=detail,
        hint="use a smaller trace, or allow more by ADHASH_MAX_MEMORY_BYTES",
    )
