"""Running a suite: the functions behind ``adhash batch``."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adhash.atomic_files import replace_text
from adhash.batch.plan import Plan, make_plan
from adhash.batch.result import BatchResult, BatchStatus, JobResult
from adhash.batch.supervisor import Supervisor
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.errors import PolicyError, StorageError
from adhash.options.base import read_options
from adhash.options.batch import BatchOptions
from adhash.progress import WorkCallback, ignore_work
from adhash.reports.html_page import require_plotly, write_html_page
from adhash.reports.markdown_page import markdown_page

_LOCK = ".running"


def batch(
    spec_path: str | Path | None = None,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> BatchResult:
    """Run a suite: each of its jobs is a command of adhash in a process of its own.

    Parameters
    ----------
    spec_path : str, Path or None
        The suite: a TOML or JSON file, or the name of a bundled one; None where ``spec`` is given.
    progress : callable or None
        Told a `WorkProgress` in jobs.
    cancel : CancelToken or None
        Ends every job and the batch.
    **options
        The other fields of `BatchOptions`: ``spec`` (the suite itself, a dict), ``out_dir``,
        ``report``, ``html_report``, ``json_out``, ``max_parallel``, ``job_timeout_s`` (seconds).

    Returns
    -------
    BatchResult
        What became of each job; `require_completed` refuses one in which a job failed.

    Raises
    ------
    BadInputError
        If the suite or an option is wrong; nothing has run.
    StorageError
        If a report cannot be written.
    """
    path = None if spec_path is None else str(spec_path)
    read = read_options(BatchOptions, {"spec_path": path, **options})
    return run_batch(read, progress=progress, cancel=cancel)


def run_batch(
    options: BatchOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    roots: Sequence[Path] | None = None,
) -> BatchResult:
    """Run a suite; a job that fails is a part of the result and no exception.

    Parameters
    ----------
    options : BatchOptions
        Which suite, and where its results go.
    progress : callable or None
        Told a `WorkProgress` in jobs.
    cancel : CancelToken or None
        Ends every job and the batch within a second; the result then says ``cancelled``.
    roots : sequence of Path or None
        For a suite that is not trusted: it and all that its jobs read lie beneath these folders,
        and all that they write in the folder of the run. None lets it name any file.

    Returns
    -------
    BatchResult
        What became of each job.

    Raises
    ------
    BadInputError
        If the suite or an option of a job is wrong, or plotly is missing for an HTML report;
        nothing has run.
    PolicyError
        If a path leaves the roots, or another batch is running in the same folder.
    StorageError
        If a folder cannot be made or a report not be written.
    """
    plan = make_plan(options, roots=roots)
    return run_plan(plan, progress=progress, cancel=cancel)


def run_plan(
    plan: Plan,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    clock: Clock | None = None,
) -> BatchResult:
    """Carry out a plan and write its reports.

    Parameters
    ----------
    plan : Plan
        From `adhash.batch.plan.make_plan`.
    progress : callable or None
        See `run_batch`.
    cancel : CancelToken or None
        See `run_batch`.
    clock : Clock or None
        Tells the time; None is that of the system.

    Returns
    -------
    BatchResult
        What became of each job.

    Raises
    ------
    BadInputError
        If plotly is missing for an HTML report; nothing has run.
    PolicyError
        If another batch is running in the same folder.
    StorageError
        If a folder cannot be made or a report not be written.
    """
    if plan.html_report is not None:
        require_plotly()
    clock = clock or SystemClock()
    with _sole_batch_in(plan.out_dir):
        _make_folders(plan)
        result = _run_jobs(plan, progress or ignore_work, cancel or CancelToken(), clock)
        _write_reports(plan, result)
    return result


def _run_jobs(plan: Plan, progress: WorkCallback, cancel: CancelToken, clock: Clock) -> BatchResult:
    started_at, started_ns = clock.now(), clock.monotonic_ns()
    supervisor = Supervisor(
        plan.jobs,
        max_parallel=plan.max_parallel,
        clock=clock,
        cancel=cancel,
        progress=progress,
    )
    jobs = supervisor.run()
    return BatchResult(
        name=plan.name,
        status=_status(jobs, is_cancelled=cancel.is_cancelled),
        spec=plan.source,
        spec_sha256=plan.spec_sha256,
        started_at=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        elapsed_s=(clock.monotonic_ns() - started_ns) / NS_PER_S,
        max_parallel=plan.max_parallel,
        out_dir=str(plan.out_dir),
        jobs=jobs,
        artifacts=plan.artifacts(),
    )


def _status(jobs: Sequence[JobResult], *, is_cancelled: bool) -> BatchStatus:
    if all(job.status == "completed" for job in jobs):
        return "completed"
    return "cancelled" if is_cancelled else "failed"


def _make_folders(plan: Plan) -> None:
    """Make the folders of the reports now, so that a batch of an hour does not fail at its end."""
    for path in map(Path, plan.artifacts().values()):
        _make(path.parent)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}",
            hint="choose another place for what the batch writes",
        ) from error


def _write_reports(plan: Plan, result: BatchResult) -> None:
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
    for path in plan.results:
        replace_text(path, text)
    content = result.content()
    replace_text(plan.report, markdown_page(content))
    if plan.html_report is not None:
        write_html_page(plan.html_report, content)


@contextmanager
def _sole_batch_in(folder: Path) -> Iterator[None]:
    """Keep a second batch from writing into the same folder meanwhile."""
    _make(folder)
    with (folder / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PolicyError(
                f"another batch is running in {folder}", hint="--out-dir names another folder"
            ) from None
        yield
