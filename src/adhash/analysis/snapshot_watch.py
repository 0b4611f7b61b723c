"""What is told while a snapshot is worked on, and how the work ends early."""

from __future__ import annotations

from adhash.cancellation import CancelToken
from adhash.errors import InterruptedRunError
from adhash.progress import WorkCallback, WorkProgress
from adhash.snapshots.reader import Watch


def watched(progress: WorkCallback, cancel: CancelToken) -> Watch:
    """Return what `adhash.snapshots` tells its progress to.

    Parameters
    ----------
    progress : callable
        Told the same.
    cancel : CancelToken
        Looked at every time.

    Returns
    -------
    callable
        Raises InterruptedRunError once `cancel` is set.

    Raises
    ------
    InterruptedRunError
        Not at once: what is returned does.
    """

    def watch(note: str, done: int, total: int, unit: str) -> None:
        if cancel.is_cancelled:
            raise InterruptedRunError(f"interrupted while {note}")
        progress(WorkProgress(done=done, total=total, unit=unit, note=note))

    return watch
