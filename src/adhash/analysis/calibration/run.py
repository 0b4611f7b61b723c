"""Calibrating: the functions behind ``adhash calibrate``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from adhash.analysis.calibration.cache import (
    CalibrationCache,
    cache_folder,
    this_place,
    write_calibration,
)
from adhash.analysis.calibration.calibration import Calibration, Curve
from adhash.analysis.calibration.classes import KINDS, Kind
from adhash.analysis.calibration.laps import (
    PROBED_SIZES,
    SIZES,
    Lap,
    Laps,
    Material,
    least,
    run_round,
)
from adhash.calibration_presenters import calibration_table
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.config_models import AdaptiveSettings
from adhash.errors import BadInputError, InterruptedRunError
from adhash.options.base import read_options
from adhash.options.calibrate import CalibrateOptions
from adhash.presenters import Table
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay.machinery import Machinery, NativeMachinery
from adhash.replay.noise import NoiseMeter
from adhash.results import Result

# Two rounds show how costs go on beyond the caches; the others make sure of the sizes where a few
# microseconds of noise would count.
_ROUNDS_TO_THE_LARGEST = 2
_LARGEST_AGAIN = 131_072
_SEED = 1


class CalibrateResult(Result):
    """A calibration, where it lies, and whether it was measured just now."""

    schema_: Literal["adhash.calibrate.v1"] = Field(
        default="adhash.calibrate.v1", alias="schema", description="The version of this format."
    )
    status: Literal["measured", "kept"] = Field(
        description="Whether it was measured by this command or lay there before."
    )
    reason: str = Field(description="Why, in words.")
    file: str = Field(description="Where it lies.")
    calibration: Calibration = Field(description="What was measured.")

    def _records(self) -> Sequence[Mapping[str, Any]]:
        """Return a row for every curve."""
        return [each.model_dump(mode="json") for each in self.calibration.curves]

    def _tables(self) -> Sequence[Table]:
        return [calibration_table(self.to_dict())]

    def _highlights(self) -> dict[str, str]:
        cpu = self.calibration.place.cpu
        return {"status": self.status, "reason": self.reason, "file": self.file, "cpu": cpu}


def calibrate(
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> CalibrateResult:
    """Measure what each operation costs in each engine on this machine, unless that is known.

    Parameters
    ----------
    progress : callable or None
        Called with a `WorkProgress`, in the thread of the caller.
    cancel : CancelToken or None
        Ends the work early.
    **options
        By the names of `adhash.options.calibrate.CalibrateOptions`: ``force``, ``show``,
        ``rounds``, ``largest``, ``cache_dir``, ``json_out``.

    Returns
    -------
    CalibrateResult
        The calibration.

    Raises
    ------
    AdhashError
        As `run_calibrate`; BadInputError also if an option is unknown or out of its range.
    """
    return run_calibrate(read_options(CalibrateOptions, options), progress=progress, cancel=cancel)


def run_calibrate(
    options: CalibrateOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    environ: Mapping[str, str] | None = None,
    machinery: Machinery | None = None,
    clock: Clock | None = None,
) -> CalibrateResult:
    """Measure what each operation costs in each engine on this machine, unless that is known.

    Parameters
    ----------
    options : CalibrateOptions
        How carefully, and where to keep it.
    progress : callable or None
        Called with a `WorkProgress`, in the thread of the caller.
    cancel : CancelToken or None
        Ends the work early; what was there before is kept.
    environ : mapping or None
        Names the user's folder for caches; None is the environment of the process.
    machinery : Machinery or None
        The native module where None.
    clock : Clock or None
        The system's where None.

    Returns
    -------
    CalibrateResult
        The calibration.

    Raises
    ------
    BadInputError
        If only to be shown, and there is none or a damaged one.
    StorageError
        If it cannot be read or written.
    InterruptedRunError
        If it was cancelled.
    """
    native = machinery or NativeMachinery()
    cache = calibration_cache(options.cache_dir, os.environ if environ is None else environ, native)
    work = _Work(
        options=options,
        cache=cache,
        machinery=native,
        clock=clock or SystemClock(),
        cancel=cancel or CancelToken(),
        progress=progress or ignore_work,
    )
    result = work.show() if options.show else work.carry_out()
    if options.json_out is not None:
        write_calibration(Path(options.json_out), result.calibration)
    return result


def calibration_cache(
    folder: str | None, environ: Mapping[str, str], machinery: Machinery
) -> CalibrationCache:
    """Return where the calibration of this machine and build lies."""
    return CalibrationCache(
        folder=cache_folder(environ) if folder is None else Path(folder),
        place=this_place(machinery),
    )


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A calibration with all that it needs."""

    options: CalibrateOptions
    cache: CalibrationCache
    machinery: Machinery
    clock: Clock
    cancel: CancelToken
    progress: WorkCallback

    def show(self) -> CalibrateResult:
        """Return the calibration that lies there."""
        found = self.cache.load()
        if found is None:
            raise BadInputError(
                f"this machine and build are not calibrated: there is no {self.cache.path}",
                hint="adhash calibrate takes some 15 s",
            )
        return self._result("kept", f"measured at {found.measured_at}", found)

    def carry_out(self) -> CalibrateResult:
        """Measure, unless a sound calibration lies there."""
        with self.cache.locked(self._wait) as has_waited:
            reason = "as asked"
            if has_waited or not self.options.force:
                found, reason = self._look()
                if found is not None:
                    return self._result("kept", reason, found)
            measured = self._measure()
            self.cache.save(measured)
        return self._result("measured", reason, measured)

    def _look(self) -> tuple[Calibration | None, str]:
        """Return the calibration that lies there, or why there is none to use."""
        try:
            found = self.cache.load()
        except BadInputError as error:
            return None, error.detail
        if found is None:
            return None, "this machine and build were not calibrated before"
        return found, f"measured at {found.measured_at}; --force measures again"

    def _result(
        self, status: Literal["measured", "kept"], reason: str, calibration: Calibration
    ) -> CalibrateResult:
        return CalibrateResult(
            status=status, reason=reason, file=str(self.cache.path), calibration=calibration
        )

    def _wait(self) -> None:
        self._require_going_on()
        note = "waiting for another calibration"
        self.progress(WorkProgress(done=0, total=None, unit="kinds", note=note))

    def _require_going_on(self) -> None:
        if self.cancel.is_cancelled:
            raise InterruptedRunError("interrupted before the machine was measured")

    def _measure(self) -> Calibration:
        started_at, start_ns = self.clock.now(), self.clock.monotonic_ns()
        noise = NoiseMeter(self.clock)
        laps = Laps(
            machinery=self.machinery,
            adaptive=AdaptiveSettings(),
            noise=noise,
            is_stopped=lambda: self.cancel.is_cancelled,
        )
        kinds = [self._kind(laps, number, kind) for number, kind in enumerate(KINDS)]
        return Calibration(
            place=self.cache.place,
            measured_at=started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            elapsed_s=(self.clock.monotonic_ns() - start_ns) / NS_PER_S,
            rounds=self.options.rounds,
            noise=noise.read(is_paced=False),
            sizes=[size for size in SIZES if size <= self.options.largest],
            probed_sizes=[size for size in PROBED_SIZES if size <= self.options.largest],
            curves=[curve for curves in kinds for curve in curves],
        )

    def _kind(self, laps: Laps, number: int, kind: Kind) -> list[Curve]:
        """Measure every engine on one kind of keys and values."""
        self._require_going_on()
        engines = self.cache.place.engines
        material = Material.of(kind, self.options.largest, seed=_SEED + number)
        rounds = []
        for turn in range(self.options.rounds):
            done = number * self.options.rounds + turn
            note = f"measuring {kind.key} keys with {kind.value} values"
            total = len(KINDS) * self.options.rounds
            self.progress(WorkProgress(done=done, total=total, unit="rounds", note=note))
            is_long = turn < _ROUNDS_TO_THE_LARGEST
            largest = self.options.largest if is_long else _LARGEST_AGAIN
            largest = min(largest, self.options.largest)
            seed = 1000 * (number + 1) + 100 * turn
            rounds.append(run_round(laps, engines, material, largest=largest, seed=seed))
        return [_curve(each, kind, least([own[each] for own in rounds])) for each in engines]


def _curve(engine: str, kind: Kind, lap: Lap) -> Curve:
    costs = [probe.among_others() for probe in lap.probes]
    probed = {name: [each[name] for each in costs] for name in costs[0]}
    return Curve(
        engine=engine,
        key=kind.key,
        value=kind.value,
        fill_ns=list(lap.fill_ns),
        memory_bytes=list(lap.memory_bytes),
        reserved_fill_ns=list(lap.reserved_fill_ns)[: len(lap.probes)],
        **probed,
    )
