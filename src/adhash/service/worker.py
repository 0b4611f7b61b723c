"""``python -m adhash.service.worker FOLDER ATTEMPT``: the program that carries out one attempt.

The process that starts is the runner (see `adhash.service.runner`); the process it forks runs
`JobWorker`. Only the standard library and light modules of adhash are imported before the fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from adhash.cancellation import CancelToken
from adhash.clock import SystemClock
from adhash.errors import BadInputError, InterruptedRunError, PolicyError, StorageError
from adhash.service.attempts import AttemptOrder
from adhash.service.folder import JobFolder
from adhash.service.orders import Spec, read_spec
from adhash.service.outcomes import WorkReport, error_of
from adhash.service.runner import Runner
from adhash.service.sandbox import enter_sandbox
from adhash.service.spare import wait_and_run
from adhash.service.work_process import fork_the_work, prepare_the_work

if TYPE_CHECKING:
    from adhash.options.base import CommandOptions
    from adhash.service.work_context import WorkContext


class Kind(Protocol):
    """A kind of job as far as a worker needs it: `adhash.service.kinds.JobKind` is one."""

    @property
    def options(self) -> type[CommandOptions]:
        """The model of its options."""
        ...

    def load_run(self) -> Callable[[Any, WorkContext], dict[str, Any]]:
        """Return the function that carries it out."""
        ...


Kinds = Mapping[str, Kind]
_REPORT_ROOM = 4096


class JobWorker:
    """Carries out an order in this process.

    Parameters
    ----------
    order : AttemptOrder
        What to do.
    context : WorkContext
        Where its files go, how it is stopped, and whom it tells.
    kinds : mapping of str to Kind, or None
        The kinds there are; None for those of the product.
    """

    def __init__(
        self, order: AttemptOrder, context: WorkContext, *, kinds: Kinds | None = None
    ) -> None:
        self._order = order
        self._context = context
        self._kinds = load_job_kinds() if kinds is None else kinds

    def run(self) -> WorkReport:
        """Do the work and return what came of it; no exception of the work gets out.

        Returns
        -------
        WorkReport
            The result, or the error and what result there is beside it.
        """
        result: dict[str, Any] | None = None
        error = None
        try:
            result = self._do()
        except Exception as raised:
            error = error_of(raised)
            if error.code == "crashed":
                import traceback

                traceback.print_exc()
            else:
                print(f"{error.code}: {error.detail}", file=sys.stderr)
        return WorkReport(
            result=self._context.kept_result if error is not None else result,
            error=error,
            artifacts=list_artifacts(self._context.artifacts),
        )

    def _do(self) -> dict[str, Any]:
        from adhash.options.base import read_options

        kind = self._kinds.get(self._order.kind)
        if kind is None:
            raise BadInputError(f"unknown kind of job {self._order.kind!r}")
        options = read_options(kind.options, self._order.options)
        run = kind.load_run()
        self._make_folders(options)
        if self._context.cancel.is_cancelled:
            raise InterruptedRunError("cancelled before the work began")
        return run(options, self._context)

    def _make_folders(self, options: CommandOptions) -> None:
        """Make the folders of outputs whose names have parts: a stranger cannot make them."""
        from adhash.options.base import files_written

        for name in files_written(type(options)):
            text = getattr(options, name)
            if text is not None and Path(text).is_relative_to(self._context.artifacts):
                Path(text).parent.mkdir(parents=True, exist_ok=True)


def list_artifacts(folder: Path) -> tuple[str, ...]:
    """Return the names of the files beneath a folder of artifacts, sorted.

    Parameters
    ----------
    folder : Path
        Perhaps not there.

    Returns
    -------
    tuple of str
        Relative, with ``/`` between parts; links, hidden and temporary files are left out.
    """
    names = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in files if not name.startswith(".")]
        names += [
            path.relative_to(folder).as_posix()
            for path in paths
            if path.is_file() and not path.is_symlink()
        ]
    return tuple(sorted(names))


def work_on(spec: Spec, load_kinds: Callable[[], Kinds]) -> int:
    """Carry out an order in the process that was made for it, and return its exit code.

    Parameters
    ----------
    spec : Spec
        The order.
    load_kinds : callable
        Returns the kinds there are.

    Returns
    -------
    int
        0, or the exit code of the error as on the command line.
    """
    cancel = CancelToken()
    signal.signal(signal.SIGTERM, lambda _number, _frame: cancel.cancel_from_signal())
    attempt = JobFolder(spec.order.folder).attempt(spec.order.attempt)
    # Opened before anything is confined, and with room on the disk for an error at least: the
    # report must get through whatever happens.
    with attempt.report.open("wb", buffering=0) as file:
        with suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, _REPORT_ROOM)
        report = _report_on(spec, cancel, load_kinds)
        return _hand_in(file, report)


def _hand_in(file: BinaryIO, report: WorkReport) -> int:
    try:
        size = file.write(report.to_json().encode())
        file.truncate(size)
    except OSError as error:
        print(f"the result cannot be written: {error}", file=sys.stderr)
        return StorageError.exit_code
    return report.exit_code


def _report_on(spec: Spec, cancel: CancelToken, load_kinds: Callable[[], Kinds]) -> WorkReport:
    try:
        return _confine_and_work(spec, cancel, load_kinds)
    except (PolicyError, OSError) as error:
        # It cannot be held in as it must, or the disk is full: the work has not begun.
        return WorkReport(error=error_of(error))


def _confine_and_work(
    spec: Spec, cancel: CancelToken, load_kinds: Callable[[], Kinds]
) -> WorkReport:
    order = spec.order
    folder = JobFolder(order.folder)
    attempt = folder.attempt(order.attempt)
    for path in (folder.events, folder.ticks, attempt.metrics_url):
        path.touch()
    confine_work(spec)
    from adhash.service.work_context import WorkContext

    with WorkContext(
        attempt=order.attempt,
        events=folder.events,
        ticks=folder.ticks,
        artifacts=attempt.artifacts,
        metrics_url=attempt.metrics_url,
        roots=order.roots,
        cancel=cancel,
        clock=SystemClock(),
    ) as context:
        return JobWorker(order, context, kinds=load_kinds()).run()


def confine_work(spec: Spec) -> None:
    """Hold the work in, and write down how.

    Parameters
    ----------
    spec : Spec
        The order.

    Raises
    ------
    PolicyError
        If it must be held in and cannot be.
    """
    order = spec.order
    place = JobFolder(order.folder).attempt(order.attempt).confinement
    # Opened before, because afterwards this place is no longer the work's.
    with place.open("w", encoding="utf-8") as file:
        sandbox = enter_sandbox(order)
        limits = asdict(order.limits)
        told = {
            **asdict(sandbox),
            "cores": list(spec.cores),
            "limits": {name: int(limit) for name, limit in limits.items() if limit},
        }
        file.write(json.dumps(told))


def load_job_kinds() -> Kinds:
    """Return the kinds of the product."""
    from adhash.service.kinds import job_kinds

    return job_kinds()


def carry_out(spec: Spec, load_kinds: Callable[[], Kinds]) -> int:
    """Prepare the process of the work and carry out an order in it.

    Parameters
    ----------
    spec : Spec
        The order.
    load_kinds : callable
        Returns the kinds there are.

    Returns
    -------
    int
        The exit code of the work.
    """
    prepare_the_work(spec)
    return work_on(spec, load_kinds)


def main(arguments: list[str], *, load_kinds: Callable[[], Kinds] = load_job_kinds) -> int:
    """Run the attempt that the arguments name, or wait for one.

    Parameters
    ----------
    arguments : list of str
        The folder of the job and the number of the attempt; or ``--wait``, to import what is slow
        to import and take both from standard input.
    load_kinds : callable
        Returns the kinds there are; tests have others.

    Returns
    -------
    int
        0 if the attempt has an outcome.
    """
    if arguments == ["--wait"]:
        return wait_and_run(lambda spec: carry_out(spec, load_kinds))
    folder, number = Path(arguments[0]), int(arguments[1])
    spec = read_spec(JobFolder(folder).spec)
    if spec.order.attempt != number:
        print(f"{folder} holds an order for attempt {spec.order.attempt}", file=sys.stderr)
        return 1
    return Runner(spec, lambda spec: fork_the_work(lambda: carry_out(spec, load_kinds))).run()


if __name__ == "__main__":
    # Nothing is left to be tidied up, and the interpreter would take its time.
    os._exit(main(sys.argv[1:]))
