"""The executor of one machine: every slot is some of its cores, every attempt a runner there.

It keeps nothing that cannot be read again: where a runner is stands in the placement that the
store keeps and in the folder of the attempt, so a new server finds every attempt of the old one.
What it does keep in memory are observations (when a heartbeat last changed), and losing them only
costs time.

An attempt is told of as ended only when no process of it is left. With most this is a look; where
a runner was killed it may take several calls, because none of them waits for long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import adhash
from adhash.atomic_files import replace_text, write_failure
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.errors import StorageError
from adhash.service.attempts import (
    AttemptOrder,
    AttemptPhase,
    AttemptRef,
    AttemptReport,
    Capacity,
)
from adhash.service.executors.attempt_watch import AttemptWatch, Sweep
from adhash.service.executors.children import add_child, reap_children
from adhash.service.executors.runner_names import named_runner
from adhash.service.executors.slots import SlotTable, cores_of_slots
from adhash.service.executors.warm_runner import WarmRunner
from adhash.service.folder import JobFolder
from adhash.service.log_index import steady_ms
from adhash.service.orders import Spec, write_spec
from adhash.service.processes import COOKIE, boot_id, cookie_of, send_signal, start_time_of
from adhash.service.settings import PREFIX, ServiceSettings
from adhash.service.spare import Call

RUNNER_COMMAND = (sys.executable, "-P", "-m", "adhash.service.worker")
_KEPT_VARIABLES = ("PATH", "LANG", "LANGUAGE", "TZ", "HOME", "PYTHONPATH", "ADHASH_PRESETS_DIR")

_PACKAGES = Path(adhash.__file__).parents[1]
# A spare begins its imports only when the last job is well under way.
_SPARE_DELAY_NS = NS_PER_S // 2


class LocalExecutor:
    """Runs attempts on this machine.

    Parameters
    ----------
    settings : ServiceSettings
        How many slots, and how long a runner may be silent.
    environ : mapping of str to str
        The environment of the server, of which runners get the harmless part.
    clock : Clock or None
        What tells the time.
    cores : sequence of int or None
        The cores there are; None takes those that this process may use.
    command : sequence of str
        The program of the runner; the folder and the attempt are added.
    keeps_spare : bool
        Whether one runner waits, everything imported, for the next order.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        environ: Mapping[str, str],
        clock: Clock | None = None,
        cores: Sequence[int] | None = None,
        command: Sequence[str] = RUNNER_COMMAND,
        keeps_spare: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._now_ms = steady_ms(self._clock)
        self._environment = _environment_for_runners(environ)
        self._command = tuple(command)
        self._lease_s = settings.lease_s
        self._boot = boot_id()
        usable = sorted(os.sched_getaffinity(0)) if cores is None else list(cores)
        self._slots = SlotTable(cores_of_slots(usable, settings.max_concurrent_jobs))
        slots_cores = self._slots.cores(range(self._slots.total))
        self._keeps_spare = keeps_spare
        self._submitted_ns = 0
        self._spare = WarmRunner(
            command=self._command,
            environment=self._environment,
            cores=set(usable) - set(slots_cores) or set(usable),
            started=add_child,
        )
        self._watches: dict[tuple[str, int], AttemptWatch] = {}

    def capacity(self) -> Capacity:
        """Return how many attempts fit."""
        return Capacity(slots=self._slots.total, free=self._slots.free)

    # --- starting --------------------------------------------------------------------------------

    def submit(self, order: AttemptOrder, *, slots: int = 1) -> dict[str, Any]:
        """Start an attempt on so many free slots and return its placement.

        Parameters
        ----------
        order : AttemptOrder
            What to run.
        slots : int
            How many slots it takes.

        Returns
        -------
        dict
            ``attempt``, ``pid``, ``start_time``, ``boot_id``, ``slots`` and ``cores``.

        Raises
        ------
        StorageError
            If the runner cannot be started; nothing of it is left.
        """
        key = (order.job_id, order.attempt)
        taken = self._slots.take(key, slots)
        cores = self._slots.cores(taken)
        try:
            self._prepare(order, cores)
            pid = self._call_spare(order) or self._spawn(order)
        except OSError as error:
            self._slots.release(key)
            raise write_failure(order.folder, error) from error
        except StorageError:
            self._slots.release(key)
            raise
        return {
            "attempt": order.attempt,
            "pid": pid,
            # A runner may have ended by now, and has a name all the same: it is ours to wait for.
            "start_time": start_time_of(pid, or_zombie=True),
            "boot_id": self._boot,
            "slots": list(taken),
            "cores": list(cores),
        }

    @staticmethod
    def _prepare(order: AttemptOrder, cores: tuple[int, ...]) -> None:
        folder = JobFolder(order.folder)
        attempt = folder.attempt(order.attempt)
        for path in (attempt.artifacts, attempt.temporary):
            path.mkdir(parents=True, exist_ok=True)
        write_spec(folder.spec, Spec(order=order, cores=cores))
        replace_text(folder.fence, f"{order.attempt}\n")

    def _spawn(self, order: AttemptOrder) -> int:
        attempt = JobFolder(order.folder).attempt(order.attempt)
        with attempt.runner_log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the program is ours
                [*self._command, str(order.folder.absolute()), str(order.attempt)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=attempt.temporary,
                env=self._environment_of(order),
                start_new_session=True,
                close_fds=True,
            )
        # From here on it is known by its name alone, as after a restart: no object watches it.
        process.returncode = 0
        add_child(process.pid)
        return process.pid

    def _environment_of(self, order: AttemptOrder) -> dict[str, str]:
        attempt = JobFolder(order.folder).attempt(order.attempt)
        return {
            **self._environment,
            **order.environment,
            "TMPDIR": str(attempt.temporary.absolute()),
            COOKIE: cookie_of(order.job_id, order.attempt),
        }

    def _call_spare(self, order: AttemptOrder) -> int | None:
        self._submitted_ns = self._clock.monotonic_ns()
        return self._spare.take(
            Call(
                folder=str(order.folder.absolute()),
                attempt=order.attempt,
                environment=self._environment_of(order),
            )
        )

    def _provide_spare(self) -> None:
        """Start a spare once there is a slot for it, and the last order has had its start."""
        since_ns = self._clock.monotonic_ns() - self._submitted_ns
        if (
            self._keeps_spare
            and not self._spare.is_waiting
            and self._slots.free
            and since_ns > _SPARE_DELAY_NS
        ):
            self._spare.start()

    # --- ending ----------------------------------------------------------------------------------

    def cancel(self, ref: AttemptRef) -> None:
        """Ask for the end of an attempt; `reconcile` tells when no process of it is left.

        Parameters
        ----------
        ref : AttemptRef
            Which.
        """
        name = named_runner(ref)
        runner = None if name is None else name.find(self._boot)
        if runner is not None:
            send_signal(runner, signal.SIGINT)

    # --- looking ---------------------------------------------------------------------------------

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
        reap_children()
        self._provide_spare()
        keys = {_key(ref) for ref in refs}
        self._slots.release_all_but(keys)
        self._watches = {key: watch for key, watch in self._watches.items() if key in keys}
        for ref in refs:
            self._slots.hold(_key(ref), ref.placement.get("slots", ()))
        watches = [self._watch(ref) for ref in refs]
        # The processes of the whole machine are listed once a call, and only if somebody ended.
        sweep = Sweep([watch for watch in watches if watch.seems_over(self._clock.monotonic_ns())])
        reports = [watch.report(sweep) for watch in watches]
        for report in reports:
            if report.phase is not AttemptPhase.RUNNING:
                self._slots.release(_key(report.ref))
        return reports

    def _watch(self, ref: AttemptRef) -> AttemptWatch:
        watch = self._watches.get(_key(ref))
        if watch is None or watch.ref != ref:
            watch = AttemptWatch(ref, boot=self._boot, lease_s=self._lease_s, now_ms=self._now_ms)
            self._watches[_key(ref)] = watch
        return watch

    def close(self) -> None:
        """Stop managing; what runs goes on running."""
        self._watches.clear()
        self._spare.dismiss()
        reap_children()


def _key(ref: AttemptRef) -> tuple[str, int]:
    return ref.job_id, ref.attempt


def _environment_for_runners(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if _is_kept(name)}
    if "PYTHONPATH" in kept:
        # Relative to the folder that the server began in; a runner has another. First comes the
        # very package that runs here.
        places = [_PACKAGES, *map(Path, kept["PYTHONPATH"].split(os.pathsep))]
        kept["PYTHONPATH"] = os.pathsep.join(str(place.absolute()) for place in places)
    # One thread of linear algebra, which nothing here uses, instead of one a core.
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _is_kept(variable: str) -> bool:
    """Return whether a runner may see the variable: places, language, settings of replays."""
    is_setting = variable.startswith(PREFIX) and "__" in variable
    return variable in _KEPT_VARIABLES or variable.startswith("LC_") or is_setting
