"""Carrying out a plan: its modes one after another, each tried until its types fit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adhash.cancellation import CancelToken
from adhash.clock import NS_PER_S, Clock
from adhash.errors import InterruptedRunError, StorageError
from adhash.metrics.ticks import OPERATIONS
from adhash.replay import host
from adhash.replay.dry_run import check_trace
from adhash.replay.folders import prepared_folders
from adhash.replay.machinery import Machinery
from adhash.replay.noise import NoiseMeter
from adhash.replay.outputs import Announce, TickCallback, TickOutputs, open_outputs
from adhash.replay.plan import Mode, Plan
from adhash.replay.progress import ProgressCallback
from adhash.replay.results import Ending, summarise, summarise_without_table, write_summaries
from adhash.replay.session import Preparation, Run, Session
from adhash.replay.summary import Status, Summary
from adhash.replay.table_types import MisfitError, TableTypes

if TYPE_CHECKING:
    from adhash.workloads.known_digest import KnownDigest

# What happened before the first tick: the kind of an event, and its message.
Note = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a run takes from outside: native code, time, chance, and those who watch it."""

    machinery: Machinery
    clock: Clock
    new_seed: Callable[[], int]
    cancel: CancelToken
    progress: ProgressCallback
    announce: Announce
    on_tick: TickCallback | None = None
    # Whether the process ends with the run, and may leave its memory to the system.
    ends_with_process: bool = False


def execute(plan: Plan, around: Surroundings) -> list[Summary]:
    """Carry out a plan and write what it asks for.

    Parameters
    ----------
    plan : Plan
        Checked.
    around : Surroundings
        What the run takes from outside.

    Returns
    -------
    list of Summary
        One a mode, in order. The last says ``cancelled`` if the run was cancelled; modes after it
        are missing.

    Raises
    ------
    AdhashError
        If the run fails. Nothing that looks whole is then left behind, unless it is whole: if only
        the snapshot could not be saved, ticks and summary of the run are kept.
    """
    with prepared_folders(_folders_of(plan)):
        summaries, late_errors = _carry_out(plan, around)
        if plan.json_summary_out is not None:
            write_summaries(plan.json_summary_out, summaries, is_list=len(plan.modes) > 1)
        for error in late_errors:
            raise error
    return summaries


def _folders_of(plan: Plan) -> list[Path]:
    files = [path for path in (plan.snapshot_out, plan.json_summary_out) if path is not None]
    out_dir = None if plan.is_dry_run else plan.settings.metrics.out_dir
    return [path.parent for path in files] + ([] if out_dir is None else [Path(out_dir)])


def _carry_out(plan: Plan, around: Surroundings) -> tuple[list[Summary], list[StorageError]]:
    """Return the summaries, and the errors to raise once they are written."""
    if plan.is_dry_run:
        return _validate(_new_run(plan, around, TickOutputs())), []
    metrics = plan.settings.metrics
    with open_outputs(metrics, announce=around.announce, on_tick=around.on_tick) as outputs:
        run = _new_run(plan, around, outputs)
        return _replay_modes(run), run.late_errors


def _new_run(plan: Plan, around: Surroundings, outputs: TickOutputs) -> Run:
    seed = plan.settings.replay.seed
    return Run(
        plan=plan,
        # One seed for all modes: engines are compared on the same placement of keys.
        seed=around.new_seed() if seed is None else seed,
        machinery=around.machinery,
        outputs=outputs,
        clock=around.clock,
        cancel=around.cancel,
        progress=around.progress,
        ends_with_process=around.ends_with_process,
        known_digest=_digest_for_all(plan, around.cancel) if len(plan.modes) > 1 else None,
    )


def _digest_for_all(plan: Plan, cancel: CancelToken) -> KnownDigest | None:
    from adhash.workloads.known_digest import digest_of

    return digest_of(plan.csv, should_stop=lambda: cancel.is_cancelled)


def _replay_modes(run: Run) -> list[Summary]:
    summaries: list[Summary] = []
    for mode in run.plan.modes:
        summaries.append(_replay_mode(run, mode))
        if summaries[-1].status == "cancelled":
            break
    return summaries


def _replay_mode(run: Run, mode: Mode) -> Summary:
    host.reset_peak_rss()
    run.outputs.begin_mode()
    types = run.asked_types()
    notes: list[Note] = []
    while True:
        try:
            return _attempt(run, mode, types, notes)
        except MisfitError as misfit:
            run.outputs.forget_mode(mode.engine)
            types = misfit.wider
            notes.append(("restarted", f"started over with {types}: {misfit}"))
        except InterruptedRunError:
            return _cancelled_before_start(run, mode)


def _attempt(run: Run, mode: Mode, types: TableTypes, notes: list[Note]) -> Summary:
    loaded = _load(run, mode)
    if loaded is not None:
        held = TableTypes(key=loaded.table.key_type, value=loaded.table.value_type)
        types = types.bound_to(held)
    with run.open_source() as source:
        feed = run.look_into(source, types)
        if run.is_cancelled():
            raise InterruptedRunError("interrupted before the first operation")
        prepared = loaded or _prepare(run, mode, feed.types)
        session = Session(run, mode, feed=feed, prepared=prepared, notes=notes)
        with closing(session):
            is_complete = session.execute()
            sha256 = source.sha256() if is_complete else None
            return _finish(session, is_complete=is_complete, sha256=sha256)


def _load(run: Run, mode: Mode) -> Preparation | None:
    path = run.plan.snapshot_in
    if path is None:
        return None
    start_ns = run.clock.monotonic_ns()
    with run.cancel.interruptible():
        table = run.machinery.load_table(path, engine=mode.engine)
    load_s = (run.clock.monotonic_ns() - start_ns) / NS_PER_S
    return Preparation(table=table, load_s=load_s)


def _prepare(run: Run, mode: Mode, types: TableTypes) -> Preparation:
    table = run.machinery.new_table(
        engine=mode.engine,
        key=types.key,
        value=types.value,
        seed=run.seed,
        adaptive=run.plan.settings.adaptive,
    )
    return Preparation(table=table, load_s=0.0)


def _finish(session: Session, *, is_complete: bool, sha256: str | None) -> Summary:
    artifacts = _artifacts(session.run)
    start_ns = session.run.clock.monotonic_ns()
    status: Status = "completed" if is_complete else "cancelled"
    # The map of a part of the trace is not saved: it would look like that of the whole.
    if is_complete and session.run.plan.snapshot_out is not None:
        try:
            artifacts["snapshot"] = _save(session, session.run.plan.snapshot_out)
        except InterruptedRunError:
            status = "cancelled"
        except StorageError as error:
            session.run.late_errors.append(error)
    save_s = (session.run.clock.monotonic_ns() - start_ns) / NS_PER_S
    ending = Ending(status=status, trace_sha256=sha256, save_s=save_s, artifacts=artifacts)
    return summarise(session, ending)


def _save(session: Session, path: Path) -> str:
    compress = session.run.plan.settings.replay.compress
    with session.run.cancel.interruptible():
        session.table.save(path, None if compress == "none" else compress)
    return str(path)


def _artifacts(run: Run) -> dict[str, str]:
    writer = run.outputs.writer
    return ({} if writer is None else {"metrics": str(writer.path)}) | _summary_file(run)


def _summary_file(run: Run) -> dict[str, str]:
    path = run.plan.json_summary_out
    return {} if path is None else {"summary": str(path)}


def _cancelled_before_start(run: Run, mode: Mode) -> Summary:
    return summarise_without_table(
        run,
        mode,
        status="cancelled",
        trace_format=None,
        types=run.asked_types(),
        counts=dict.fromkeys(OPERATIONS, 0),
        started_at=run.clock.now(),
        elapsed_s=0.0,
        trace_sha256=None,
        noise=NoiseMeter(run.clock).read(is_paced=False),
        artifacts=_summary_file(run),
    )


def _validate(run: Run) -> list[Summary]:
    started_at, start_ns = run.clock.now(), run.clock.monotonic_ns()
    meter = NoiseMeter(run.clock)
    checked = check_trace(run)
    elapsed_s = (run.clock.monotonic_ns() - start_ns) / NS_PER_S
    return [
        summarise_without_table(
            run,
            mode,
            status="validated" if checked.is_complete else "cancelled",
            trace_format=checked.trace_format,
            types=checked.types,
            counts=checked.counts,
            started_at=started_at,
            elapsed_s=elapsed_s,
            trace_sha256=checked.sha256,
            noise=meter.read(is_paced=False),
            artifacts=_summary_file(run),
        )
        for mode in run.plan.modes
    ]
