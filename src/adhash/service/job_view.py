"""What a handle on a job says without looking again, wherever the job lives."""

from __future__ import annotations

from typing import Any

from adhash.service.errors import NotFinishedError
from adhash.service.lifecycle import Status
from adhash.service.models import JobDetail


class JobView:
    """A job as it was at the last look.

    Parameters
    ----------
    detail : JobDetail
        What is known of it.
    """

    def __init__(self, detail: JobDetail) -> None:
        self._detail = detail

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.kind} {self.status}>"

    @property
    def id(self) -> str:
        """Return the job's name."""
        return self._detail.id

    @property
    def kind(self) -> str:
        """Return the kind of the job, such as ``run-csv``."""
        return self._detail.kind

    @property
    def status(self) -> Status:
        """Return where the job was at the last look."""
        return self._detail.status

    @property
    def is_finished(self) -> bool:
        """Return whether the job had ended at the last look."""
        return self._detail.status.is_terminal

    @property
    def detail(self) -> JobDetail:
        """Return all that was known at the last look."""
        return self._detail

    def _result(self) -> dict[str, Any]:
        """Return the result; NotFinishedError, which says why, if there is none."""
        if self._detail.result is None:
            raise NotFinishedError(_no_result(self._detail))
        return self._detail.result


def _no_result(detail: JobDetail) -> str:
    if not detail.status.is_terminal:
        return f"job {detail.id} is {detail.status}: it has no result yet"
    reason = "" if detail.error is None else f": {detail.error.detail}"
    return f"job {detail.id} {detail.status} without a result{reason}"
