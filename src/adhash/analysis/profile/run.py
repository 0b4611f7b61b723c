"""Profiling a trace: the functions behind ``adhash profile``."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adhash.analysis.calibration.cache import (
    CalibrationCache,
    cache_folder,
    load_cost_model,
    this_place,
)
from adhash.analysis.calibration.costs import CostModel
from adhash.analysis.profile.caches import caches
from adhash.analysis.profile.findings import Findings
from adhash.analysis.profile.forecast_findings import forecast_result
from adhash.analysis.profile.forecasting import Forecasting, Outlook
from adhash.analysis.profile.history import History, infer_history
from adhash.analysis.profile.race import Lap, NativeLap, prepare, race
from adhash.analysis.profile.result import ProfileResult
from adhash.analysis.profile.sample import Drawing, Sample
from adhash.analysis.profile.sampling import draw_sample
from adhash.atomic_files import replace_text
from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock, SystemClock
from adhash.config_models import Settings
from adhash.config_sources import load_settings
from adhash.errors import BadInputError, StorageError
from adhash.options.base import read_options
from adhash.options.profile import ProfileOptions
from adhash.options.traces import SHARED_SETTINGS
from adhash.progress import WorkCallback, WorkProgress, ignore_work
from adhash.replay.machinery import Machinery, NativeMachinery
from adhash.replay.manifest import describe_run
from adhash.replay.noise import NoiseMeter
from adhash.replay.plan import Mode, resolve_modes

#: Engines to compare with, and not to choose.
REFERENCE_ENGINES = frozenset({"std", "boost", "abseil"})
_SEED_BITS = 53  # survive readers that know only floating-point numbers


def profile(
    csv: str | os.PathLike[str] | None = None,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> ProfileResult:
    """Forecast or race the engines on samples of a trace and recommend one.

    Parameters
    ----------
    csv : str, PathLike or None
        The trace; None where the option ``sample`` names a bundled one.
    progress : callable or None
        Called with a `WorkProgress`, in the thread of the caller.
    cancel : CancelToken or None
        Ends the work early.
    **options
        By the names of `adhash.options.profile.ProfileOptions`: ``sample``, ``mode``,
        ``method``, ``budget``, ``calibration``, ``sample_rows``,
        ``pieces``, ``rounds``, ``seed``, ``key_type``, ``value_type``,
        ``csv_max_rows``, ``csv_max_bytes``, ``json_out``, ``config``, ``preset``.

    Returns
    -------
    ProfileResult
        The recommendation with its reason and figures.

    Raises
    ------
    AdhashError
        As `run_profile`; BadInputError also if an option is unknown or out of its range.
    """
    given = {**options, "csv": None if csv is None else os.fspath(csv)}
    return run_profile(read_options(ProfileOptions, given), progress=progress, cancel=cancel)


def run_profile(
    options: ProfileOptions,
    *,
    progress: WorkCallback | None = None,
    cancel: CancelToken | None = None,
    environ: Mapping[str, str] | None = None,
    machinery: Machinery | None = None,
    clock: Clock | None = None,
) -> ProfileResult:
    """Forecast or race the engines on samples of a trace and recommend one.

    Parameters
    ----------
    options : ProfileOptions
        What to race, on what.
    progress : callable or None
        Called with a `WorkProgress`, in the thread of the caller.
    cancel : CancelToken or None
        Ends the work early; looked at every 40 ms or so.
    environ : mapping or None
        The environment to read settings from; None is that of the process.
    machinery : Machinery or None
        The native module where None.
    clock : Clock or None
        The system's where None.

    Returns
    -------
    ProfileResult
        The recommendation with its reason and figures.

    Raises
    ------
    BadInputError
        If a mode or a setting is wrong; TraceError if the trace is.
    PolicyError
        If the trace is larger than allowed.
    StorageError
        If the trace cannot be read or the result not be written.
    InterruptedRunError
        If it was cancelled.
    """
    native = machinery or NativeMachinery()
    environ = os.environ if environ is None else environ
    settings = _settings(options, environ)
    work = _Work(
        options=options,
        environ=environ,
        settings=settings,
        modes=_candidates(options, native.engines()),
        seed=secrets.randbits(_SEED_BITS) if settings.replay.seed is None else settings.replay.seed,
        machinery=native,
        clock=clock or SystemClock(),
        cancel=cancel or CancelToken(),
        progress=progress or ignore_work,
    )
    out = None if options.json_out is None else Path(options.json_out)
    if out is not None:
        _require_place(out, work.trace)
    result = work.carry_out()
    if out is not None:
        replace_text(out, json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n")
    return result


def _settings(options: ProfileOptions, environ: Mapping[str, str]) -> Settings:
    names = (*SHARED_SETTINGS, "seed")
    return load_settings(
        config=None if options.config is None else Path(options.config),
        preset=options.preset,
        overrides={f"replay.{name}": getattr(options, name) for name in names},
        environ=environ,
    )


def _candidates(options: ProfileOptions, engines: Sequence[str]) -> tuple[Mode, ...]:
    """Return the modes to race: those asked for, or all engines but the reference ones."""
    usual = [engine for engine in engines if engine not in REFERENCE_ENGINES]
    return resolve_modes(options.mode or usual, engines)


def _require_place(out: Path, trace: str) -> None:
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise StorageError(f"cannot write {out}", hint="give --json-out a file in a folder")
    if out.resolve() == Path(trace).resolve():
        raise StorageError(f"cannot write {out}: it is the trace", hint="give --json-out another")


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A profile with all that it needs."""

    options: ProfileOptions
    settings: Settings
    environ: Mapping[str, str]
    modes: Sequence[Mode]
    seed: int
    machinery: Machinery
    clock: Clock
    cancel: CancelToken
    progress: WorkCallback

    @property
    def trace(self) -> str:
        """The file to read."""
        if self.options.csv is not None:
            return self.options.csv
        from adhash.workloads.samples import sample_path

        return str(sample_path(str(self.options.sample)))

    def carry_out(self) -> ProfileResult:
        """Forecast and race the finalists, or race every candidate."""
        started_at, start_ns = self.clock.now(), self.clock.monotonic_ns()
        noise = NoiseMeter(self.clock)
        model, told = self._cost_model()
        found = self._race_all(noise) if model is None else self._forecast(model, noise)
        sample = found.findings.sample if isinstance(found, Outlook) else found.sample
        manifest = describe_run(
            started_at=started_at,
            trace_sha256=sample.sha256,
            settings=self.settings,
            seed=self.seed,
            isa=self.machinery.isa(),
            noise=noise.read(is_paced=False),
        )
        facts: dict[str, Any] = {
            "csv": self.trace,
            "calibration": told,
            "seed": self.seed,
            "elapsed_s": (self.clock.monotonic_ns() - start_ns) / NS_PER_S,
            "manifest": manifest,
        }
        if isinstance(found, Outlook):
            return forecast_result(found, **facts)
        return found.result(**facts)

    def _cost_model(self) -> tuple[CostModel | None, str]:
        """Return what operations cost here and where that comes from, or None and why not."""
        if self.options.method == "race":
            return None, "not asked for"
        try:
            path, model = self._read_costs()
        except (BadInputError, StorageError) as error:
            if self.options.method == "forecast" or self.options.calibration is not None:
                raise
            return None, f"{error.detail}; {error.hint}"
        missing = {mode.engine for mode in self.modes} - set(model.calibration.place.engines)
        if missing:
            return None, f"{', '.join(sorted(missing))} is not calibrated"
        return model, f"{path}, measured at {model.calibration.measured_at}"

    def _read_costs(self) -> tuple[Path, CostModel]:
        place = this_place(self.machinery)
        if self.options.calibration is not None:
            path = Path(self.options.calibration)
        else:
            path = CalibrationCache(folder=cache_folder(self.environ), place=place).path
            if not path.exists():
                raise BadInputError(
                    "this machine and build are not calibrated",
                    hint="adhash calibrate takes some 15 s, once",
                )
        return path, load_cost_model(path, place)

    def _forecast(self, model: CostModel, noise: NoiseMeter) -> Outlook:
        import pyarrow  # noqa: F401 - loading a library is not what the budget is for

        # By the CPU time: what others take from the machine must not make a profile worse.
        start_ns = time.thread_time_ns()
        forecasting = Forecasting(
            modes=self.modes,
            model=model,
            look=self._look,
            race=partial(self._race, noise=noise),
            most_rows=self.options.sample_rows,
            most_pieces=self.options.pieces,
            rounds=self.options.rounds,
            budget=self.options.budget,
            spent_ns=lambda: time.thread_time_ns() - start_ns,
        )
        return forecasting.carry_out(is_raced=self.options.method == "auto")

    def _race_all(self, noise: NoiseMeter) -> Findings:
        sample, history = self._look(self.options.sample_rows, self.options.pieces)
        laps = self._race(self.modes, sample, history, self.options.rounds, noise=noise)
        self._tell("weighing the laps")
        return Findings(
            modes=self.modes, sample=sample, history=history, laps=laps, caches=caches()
        )

    def _look(self, rows: int, pieces: int) -> tuple[Sample, History]:
        """Draw so many rows from so many places, and infer what the table held before each."""
        drawing = Drawing(
            settings=self.settings.replay,
            most_rows=rows,
            most_pieces=pieces,
            machinery=self.machinery,
            is_stopped=self._is_stopped,
            progress=self.progress,
        )
        sample = draw_sample(self.trace, drawing)
        self._tell("inferring the state of the table")
        history = infer_history(
            sample.pieces,
            sample.weights,
            seed=self.seed,
            require_going_on=drawing.require_going_on,
        )
        return sample, history

    def _race(
        self,
        modes: Sequence[Mode],
        sample: Sample,
        history: History,
        rounds: int,
        *,
        noise: NoiseMeter,
    ) -> Mapping[str, Sequence[Lap]]:
        run_lap = NativeLap(
            machinery=self.machinery,
            pieces=prepare(sample, history, seed=self.seed),
            types=sample.types,
            adaptive=self.settings.adaptive,
            noise=noise,
            is_stopped=self._is_stopped,
        )
        return race(
            modes,
            run_lap,
            rounds=rounds,
            seed=self.seed,
            progress=self.progress,
        )

    def _is_stopped(self) -> bool:
        return self.cancel.is_cancelled

    def _tell(self, note: str) -> None:
        self.progress(WorkProgress(done=0, total=None, unit="pieces", note=note))
