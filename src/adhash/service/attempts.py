"""What every executor offers, and the words it speaks in.

An executor starts attempts, ends them, and tells what has become of them. It decides nothing: which
job runs next, whether one is tried again and what is published is the manager's, in the store. It
may forget all it knew (a restart of the server does just that) and must be able to tell from an
`AttemptRef` alone what has become of the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from adhash.service.lifecycle import JobError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one attempt may use; 0 stands for no limit."""

    timeout_s: float = 0.0
    memory_bytes: int = 0
    file_bytes: int = 0
    processes: int = 512


@dataclass(frozen=True, kw_only=True)
class AttemptOrder:
    """Everything a runner must know. It is written to ``spec.json`` as it stands.

    `options` are the checked options of the kind, with inputs and outputs as absolute paths.
    `readable` are the files and folders that the work may read besides its own. `roots` are the
    folders that files named inside of inputs (the traces of a suite) may lie beneath; None for any.
    """

    job_id: str
    attempt: int
    kind: str
    folder: Path
    options: dict[str, Any]
    limits: Limits
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    roots: tuple[Path, ...] | None = None
    needs_network: bool = False
    needs_processes: bool = False
    sandbox: str = "on"
    grace_s: float = 5.0
    heartbeat_s: float = 1.0
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AttemptRef:
    """How an attempt is found again: the folder of its job, its number, and its placement.

    `placement` is what `Executor.submit` returned, or empty if the server died before it could
    keep that; the files of the attempt then tell.
    """

    job_id: str
    attempt: int
    folder: Path
    placement: dict[str, Any] = field(default_factory=dict)


class AttemptPhase(StrEnum):
    """What has become of an attempt."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    NEVER_STARTED = "never_started"


@dataclass(frozen=True, kw_only=True)
class AttemptReport:
    """What an executor knows of an attempt.

    With every phase but ``running`` it promises that no process of the attempt is left. `result`
    is what the work returned; `confinement` is the form of `adhash.service.models.Confinement`.
    """

    ref: AttemptRef
    phase: AttemptPhase
    result: dict[str, Any] | None = None
    error: JobError | None = None
    is_retryable: bool = False
    confinement: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many attempts fit at once, and how many of these places are free."""

    slots: int
    free: int


class Executor(Protocol):
    """Places attempts on slots. Calls come from one thread and return at once."""

    def capacity(self) -> Capacity:
        """Return how many attempts fit."""
        ...

    def submit(self, order: AttemptOrder, *, slots: int = 1) -> dict[str, Any]:
        """Start an attempt on so many free slots and return its placement, plain JSON.

        Parameters
        ----------
        order : AttemptOrder
            What to run.
        slots : int
            How many slots it takes; all of them for one that runs alone.

        Returns
        -------
        dict
            What `AttemptRef.placement` needs to find it again.

        Raises
        ------
        StorageError
            If the runner cannot be started; nothing of it is left.
        """
        ...

    def cancel(self, ref: AttemptRef) -> None:
        """Ask for the end of an attempt; `reconcile` tells when no process of it is left."""
        ...

    def reconcile(self, refs: Sequence[AttemptRef]) -> list[AttemptReport]:
        """Return what has become of each attempt, and take those that run into account.

        Parameters
        ----------
        refs : sequence of AttemptRef
            All attempts that the store holds for running.

        Returns
        -------
        list of AttemptReport
            One for each, in order.
        """
        ...

    def close(self) -> None:
        """Stop managing; what runs goes on running."""
        ...
