"""The loop around the native code, with machinery that does what the test tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_machinery import ROW_S, FakeFaultError, FakeMachinery, FakeTable, decision

from adhash.cancellation import CancelToken
from adhash.config_models import (
    MetricsSettings,
    ReplaySettings,
    Settings,
    WatchdogSettings,
)
from adhash.errors import InterruptedRunError, PolicyError, StorageError, TraceError
from adhash.metrics.ticks import Tick
from adhash.metrics.validation import validate
from adhash.metrics.writer import FILE_NAME
from adhash.replay.execution import execute
from adhash.replay.plan import Mode, Plan
from adhash.replay.progress import Progress
from adhash.replay.run import require_verified
from adhash.replay.summary import Summary

if TYPE_CHECKING:
    from conftest import WriteTrace

TICK_S = 0.1
SWISS = Mode(name="swiss", engine="swiss")
PUTS = tuple(f"put,{key},{key}" for key in range(100))


def settings(
    *, out_dir: Path | None = None, watchdog: dict[str, Any] | None = None, **replay: Any
) -> Settings:
    max_ticks = replay.pop("max_ticks", 0)
    return Settings(
        replay=ReplaySettings(**replay),
        metrics=MetricsSettings(
            interval_ms=round(TICK_S * 1000), out_dir=out_dir, max_ticks=max_ticks
        ),
        watchdog=WatchdogSettings(**(watchdog or {})),
    )


def run_one(
    csv: Path, machinery: FakeMachinery, given: Settings | None = None, **changes: Any
) -> Summary:
    plan_fields = {
        name: changes.pop(name) for name in list(changes) if name in Plan.__annotations__
    }
    plan = Plan(csv=str(csv), modes=(SWISS,), settings=given or settings(), **plan_fields)
    (summary,) = execute(plan, machinery.surroundings(**changes))
    return summary


def ticks_in(directory: Path) -> list[dict[str, Any]]:
    assert validate(directory / FILE_NAME).ticks > 0
    lines = (directory / FILE_NAME).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


# --- ticks -------------------------------------------------------------------------------------


def test_ticks_come_at_their_interval_and_once_at_the_end(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    summary = run_one(write_trace(*PUTS[:35]), FakeMachinery(), settings(out_dir=tmp_path))
    ticks = ticks_in(tmp_path)
    assert [round(tick["t"], 3) for tick in ticks] == [0.1, 0.2, 0.3, 0.35]
    assert [tick["ops"] for tick in ticks] == [10, 20, 30, 35]
    assert ticks[1]["ops_per_second"] == pytest.approx(1 / ROW_S)
    assert summary.ticks.emitted == summary.ticks.written == 4


def test_tick_that_comes_late_does_not_bring_the_next_ones_in_a_bunch(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    machinery = FakeMachinery()
    machinery.before_row = lambda table, key: machinery.clock.advance(1.0 if key == "5" else 0)
    run_one(write_trace(*PUTS[:29]), machinery, settings(out_dir=tmp_path))
    times = [round(tick["t"], 2) for tick in ticks_in(tmp_path)]
    assert times == [1.06, 1.1, 1.2, 1.29]


def test_ticks_beyond_the_limit_are_not_written_and_the_summary_says_so(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    given = settings(out_dir=tmp_path, max_ticks=2)
    summary = run_one(write_trace(*PUTS), FakeMachinery(), given)
    assert len(ticks_in(tmp_path)) == 2
    assert (summary.ticks.emitted, summary.ticks.written) == (10 + 1, 2)
    assert summary.ticks.dropped == summary.ticks.emitted - 2


def test_tick_agrees_with_the_summary(write_trace: WriteTrace, tmp_path: Path) -> None:
    rows = [*PUTS[:5], "get,1,", "get,77,", "del,2,", "put,1,9"]
    summary = run_one(write_trace(*rows), FakeMachinery(), settings(out_dir=tmp_path))
    last = ticks_in(tmp_path)[-1]
    assert last["ops_by_type"] == {"get": 2, "put": 6, "del": 1}
    assert last["ops_by_type"] | {"total": 9} == summary.ops.model_dump(by_alias=True)
    assert (last["hits"], last["misses"]) == (summary.hits, summary.misses) == (1, 1)
    assert (summary.inserts, summary.updates, summary.deletes_found) == (5, 1, 1)
    assert last["size"] == summary.final_size == 4


def test_native_code_never_runs_long_without_a_look_around(write_trace: WriteTrace) -> None:
    machinery = FakeMachinery()
    run_one(write_trace(*PUTS), machinery, Settings(metrics=MetricsSettings(interval_ms=60_000)))
    run_one(write_trace(*PUTS), machinery, Settings(metrics=MetricsSettings(interval_ms=10)))
    assert set(machinery.budgets_ns) == {50_000_000, 10_000_000}


# --- what happens on the way ----------------------------------------------------------------------


def test_alert_is_in_ticks_events_and_summary(write_trace: WriteTrace, tmp_path: Path) -> None:
    machinery = FakeMachinery()

    def fill(table: FakeTable, key: str) -> None:
        table.reported["load_factor"] = 0.9 if 20 <= int(key) < 60 else 0.1

    machinery.before_row = fill
    watchdog = {"load_factor": 0.7, "hold_ticks": 2}
    given = settings(out_dir=tmp_path, watchdog=watchdog)
    summary = run_one(write_trace(*PUTS), machinery, given)
    ticks = ticks_in(tmp_path)
    kinds = [(round(each["t"], 2), each["kind"]) for tick in ticks for each in tick["events"]]
    assert kinds == [(0.4, "alert_raised"), (0.8, "alert_cleared")]
    assert [round(tick["t"], 2) for tick in ticks if tick["alerts"]] == [0.4, 0.5, 0.6, 0.7]
    (alert,) = summary.alerts
    assert (alert.name, alert.peak) == ("load_factor", 0.9)
    assert alert.cleared_at_s == pytest.approx(0.8)


def test_layout_changes_are_told_once_and_dated_by_the_tick_that_saw_them(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    machinery = FakeMachinery()

    def decide(table: FakeTable, key: str) -> None:
        if int(key) >= 25:
            table.reported["decisions"] = (decision(25, "chaining"),)

    machinery.before_row = decide
    summary = run_one(write_trace(*PUTS[:60]), machinery, settings(out_dir=tmp_path))
    start, change = summary.layout_timeline
    assert (start.at_ops, start.from_layout, start.to_layout) == (0, "", "swiss")
    assert (change.at_ops, change.to_layout, change.measured_gain) == (25, "chaining", None)
    assert change.at_s == pytest.approx(0.3)
    events = [event for tick in ticks_in(tmp_path) for event in tick["events"]]
    assert [event["kind"] for event in events] == ["layout_changed"]
    assert events[0]["message"] == "swiss -> chaining: growth: probes got longer"


def test_table_is_compacted_at_its_interval(write_trace: WriteTrace, tmp_path: Path) -> None:
    machinery = FakeMachinery()
    given = settings(out_dir=tmp_path, compact_interval_s=0.25)
    run_one(write_trace(*PUTS), machinery, given)
    ticks = ticks_in(tmp_path)
    assert machinery.tables[0].compactions == 4
    assert ticks[-1]["compactions"] == 4
    assert [each["kind"] for tick in ticks for each in tick["events"]] == ["compacted"] * 4


def test_pauses_are_dated_from_the_start_and_those_before_it_left_out(
    write_trace: WriteTrace,
) -> None:
    machinery = FakeMachinery(pauses=[(1_000_000_000, 5, "load"), (2_500_000_000, 9, "growth")])
    machinery.clock.advance(2.0)
    (pause,) = run_one(write_trace(*PUTS), machinery).pauses
    assert (pause.at_s, pause.ns, pause.cause) == (0.5, 9, "growth")


def test_only_the_longest_pauses_are_kept_in_order_of_time(write_trace: WriteTrace) -> None:
    machinery = FakeMachinery(pauses=[(at, 1000 - at, "growth") for at in range(500)])
    pauses = run_one(write_trace(*PUTS), machinery).pauses
    assert [pause.ns for pause in pauses] == [1000 - at for at in range(20)]


def test_progress_is_told_about_ten_times_a_second_and_at_the_end(write_trace: WriteTrace) -> None:
    told: list[Progress] = []
    csv = write_trace(*PUTS)
    run_one(csv, FakeMachinery(), progress=told.append)
    assert [each.rows for each in told] == sorted(each.rows for each in told)
    assert 10 <= len(told) <= 12
    assert told[-1].rows == len(PUTS)
    assert told[-1].bytes_read == told[-1].total_bytes == csv.stat().st_size


# --- cancellation ---------------------------------------------------------------------------------


def cancel_at(row: int, token: CancelToken) -> Callable[[FakeTable, str], None]:
    return lambda table, key: token.cancel() if key == str(row) else None


def test_cancelled_run_has_a_consistent_summary_and_whole_files(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    token = CancelToken()
    machinery = FakeMachinery(before_row=cancel_at(42, token))
    out = tmp_path / "out"
    summary = run_one(
        write_trace(*PUTS),
        machinery,
        settings(out_dir=out),
        cancel=token,
        snapshot_out=tmp_path / "map.arrow",
        json_summary_out=tmp_path / "summary.json",
    )
    assert summary.status == "cancelled"
    assert summary.ops.total == summary.inserts == summary.final_size == 43
    assert ticks_in(out)[-1]["ops"] == 43
    assert summary.manifest.trace_sha256 is None
    written = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert Summary.model_validate(written) == summary
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "summary.json", "trace.csv"]


def test_cancelled_before_the_first_operation_is_told_too(write_trace: WriteTrace) -> None:
    token = CancelToken()
    token.cancel()
    machinery = FakeMachinery()
    summary = run_one(write_trace(*PUTS), machinery, cancel=token)
    assert (summary.status, summary.ops.total, machinery.tables) == ("cancelled", 0, [])


def test_table_is_freed_with_its_session(write_trace: WriteTrace) -> None:
    machinery = FakeMachinery()
    run_one(write_trace(*PUTS), machinery)
    assert machinery.ends == ["released"]


def ends_of(csv: Path, machinery: FakeMachinery, **changes: Any) -> list[str]:
    """Run two modes in a process that ends with them; return what became of their tables."""
    modes = (SWISS, Mode(name="chaining", engine="chaining"))
    plan = Plan(csv=str(csv), modes=modes, settings=settings())
    execute(plan, machinery.surroundings(ends_with_process=True, **changes))
    return machinery.ends


def test_table_of_the_last_mode_is_left_to_a_process_that_ends(write_trace: WriteTrace) -> None:
    assert ends_of(write_trace(*PUTS), FakeMachinery()) == ["released", "abandoned"]


def test_table_of_a_cancelled_run_is_left_to_a_process_that_ends(write_trace: WriteTrace) -> None:
    token = CancelToken()
    machinery = FakeMachinery(
        before_row=cancel_at(7, token), is_told_to_stop=lambda: token.is_cancelled
    )
    assert ends_of(write_trace(*PUTS), machinery, cancel=token) == ["released", "abandoned"]


def test_modes_after_a_cancelled_one_do_not_run(write_trace: WriteTrace, tmp_path: Path) -> None:
    token = CancelToken()
    machinery = FakeMachinery()
    plan = Plan(
        csv=str(write_trace(*PUTS)),
        modes=tuple(Mode(name=name, engine=name) for name in machinery.engines()),
        settings=settings(),
        json_summary_out=tmp_path / "summaries.json",
    )

    def cancel_second(table: FakeTable, key: str) -> None:
        if len(machinery.tables) == 2 and key == "7":
            token.cancel()

    machinery.before_row = cancel_second
    summaries = execute(plan, machinery.surroundings(cancel=token))
    assert [summary.status for summary in summaries] == ["completed", "cancelled"]
    written = json.loads((tmp_path / "summaries.json").read_text(encoding="utf-8"))
    assert [each["mode"] for each in written] == ["adaptive", "swiss"]


def test_signal_during_a_save_ends_it_and_no_snapshot_is_claimed(
    write_trace: WriteTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = CancelToken()

    def save_interrupted(self: FakeTable, path: Path, compress: str | None = None) -> None:
        token.cancel_from_signal()

    monkeypatch.setattr(FakeTable, "save", save_interrupted)
    summary = run_one(
        write_trace(*PUTS), FakeMachinery(), cancel=token, snapshot_out=tmp_path / "map.arrow"
    )
    assert (summary.status, summary.ops.total) == ("cancelled", len(PUTS))
    assert summary.artifacts == {}


def test_signal_outside_of_such_work_only_cancels() -> None:
    token = CancelToken()
    with token.interruptible():
        pass
    token.cancel_from_signal()
    assert token.is_cancelled
    with pytest.raises(InterruptedRunError), token.interruptible():
        pytest.fail("work began after the cancellation")


# --- types ------------------------------------------------------------------------------------


def misfit_at(row: int, **facts: Any) -> Callable[[FakeTable, str], None]:
    def fail(table: FakeTable, key: str) -> None:
        if key == str(row) and (table.key_type, table.value_type) == ("int64", "int64"):
            raise FakeFaultError(**facts)

    return fail


@pytest.mark.parametrize(
    ("facts", "types"),
    [
        ({"key_type": True, "value": "abc"}, ("str", "int64")),
        ({"key_type": True, "value": "-9223372036854775809"}, ("str", "int64")),
        ({"key_type": True, "value": "18446744073709551616"}, ("str", "int64")),
        ({"key_type": True, "value": "9223372036854775808"}, ("uint64", "int64")),
        ({"value_type": True, "value": "abc"}, ("int64", "bytes")),
    ],
)
def test_inferred_types_are_widened_and_the_trace_read_again(
    write_trace: WriteTrace, tmp_path: Path, facts: dict[str, Any], types: tuple[str, str]
) -> None:
    machinery = FakeMachinery(before_row=misfit_at(45, **facts))
    summary = run_one(write_trace(*PUTS), machinery, settings(out_dir=tmp_path))
    assert (summary.key_type, summary.value_type) == types
    assert summary.ops.total == len(PUTS)
    ticks = ticks_in(tmp_path)
    assert ticks[0]["ops"] == 10
    assert [event["kind"] for tick in ticks for event in tick["events"]] == ["restarted"]
    assert f"line 2, column 1: a fault '{facts['value']}'" in ticks[0]["events"][0]["message"]


def test_uint64_keys_are_widened_to_strings_in_turn(write_trace: WriteTrace) -> None:
    def fail(table: FakeTable, key: str) -> None:
        if table.key_type == "int64" and key == "3":
            raise FakeFaultError(key_type=True, value="9223372036854775808")
        if table.key_type == "uint64" and key == "6":
            raise FakeFaultError(key_type=True, value="-1")

    machinery = FakeMachinery(before_row=fail)
    assert run_one(write_trace(*PUTS), machinery).key_type == "str"
    assert [table.key_type for table in machinery.tables] == ["int64", "uint64", "str"]


def test_types_that_were_asked_for_are_not_widened(write_trace: WriteTrace) -> None:
    machinery = FakeMachinery(before_row=misfit_at(5, key_type=True, value="abc"))
    with pytest.raises(TraceError, match=r"trace\.csv: line 2, column 1: a fault 'abc'") as refused:
        run_one(write_trace(*PUTS), machinery, settings(key_type="int64"))
    assert (refused.value.line, refused.value.value) == (2, "abc")
    assert refused.value.hint == "mend it"


def test_wrong_row_leaves_nothing_behind(write_trace: WriteTrace, tmp_path: Path) -> None:
    machinery = FakeMachinery(before_row=misfit_at(45))
    out = tmp_path / "out"
    with pytest.raises(TraceError):
        run_one(
            write_trace(*PUTS),
            machinery,
            settings(out_dir=out),
            json_summary_out=tmp_path / "summary.json",
        )
    assert not out.exists()
    assert not (tmp_path / "summary.json").exists()


# --- limits, checks, failures -----------------------------------------------------------------


def test_row_limit_is_a_policy(write_trace: WriteTrace) -> None:
    with pytest.raises(PolicyError, match="more than csv_max_rows = 99 rows"):
        run_one(write_trace(*PUTS), FakeMachinery(), settings(csv_max_rows=99))
    assert run_one(
        write_trace(*PUTS), FakeMachinery(), settings(csv_max_rows=100)
    ).ops.total == len(PUTS)


def test_wrong_answers_are_reported_after_everything_is_written(
    write_trace: WriteTrace, tmp_path: Path
) -> None:
    path = tmp_path / "summary.json"
    machinery = FakeMachinery(lies=True)
    summary = run_one(write_trace(*PUTS), machinery, settings(verify=True), json_summary_out=path)
    assert json.loads(path.read_text(encoding="utf-8"))["verified"] == {
        "checked": 100,
        "mismatches": 100,
    }
    with pytest.raises(Exception, match=r"swiss: 100 of 100") as refused:
        require_verified([summary])
    assert getattr(refused.value, "exit_code", None) == 3


def test_unchecked_run_claims_no_check(write_trace: WriteTrace) -> None:
    assert run_one(write_trace(*PUTS), FakeMachinery()).verified is None


def test_tick_that_cannot_be_written_fails_the_run_and_leaves_nothing(
    write_trace: WriteTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(file: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adhash.metrics.writer._write_whole", no_space)
    out = tmp_path / "out"
    with pytest.raises(StorageError, match="No space left"):
        run_one(write_trace(*PUTS), FakeMachinery(), settings(out_dir=out))
    assert not out.exists()


def test_snapshot_is_saved_as_asked(write_trace: WriteTrace, tmp_path: Path) -> None:
    machinery = FakeMachinery()
    path = tmp_path / "map.arrow"
    summary = run_one(write_trace(*PUTS), machinery, settings(compress="lz4"), snapshot_out=path)
    assert machinery.tables[0].saved_to == [(path, "lz4")]
    assert summary.artifacts == {"snapshot": str(path)}


def test_snapshot_that_cannot_be_saved_does_not_cost_the_measurements(
    write_trace: WriteTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(self: FakeTable, path: Path, compress: str | None = None) -> None:
        raise StorageError("cannot write the map: No space left on device")

    monkeypatch.setattr(FakeTable, "save", no_space)
    paths = {"snapshot_out": tmp_path / "map.arrow", "json_summary_out": tmp_path / "summary.json"}
    out = tmp_path / "out"
    with pytest.raises(StorageError, match="cannot write the map"):
        run_one(write_trace(*PUTS), FakeMachinery(), settings(out_dir=out), **paths)
    summary = Summary.model_validate_json(paths["json_summary_out"].read_bytes())
    assert (summary.status, summary.ops.total) == ("completed", len(PUTS))
    assert set(summary.artifacts) == {"metrics", "summary"}
    assert ticks_in(out)[-1]["ops"] == len(PUTS)


def test_same_seed_serves_every_mode(write_trace: WriteTrace) -> None:
    machinery = FakeMachinery()
    modes = tuple(Mode(name=name, engine=name) for name in machinery.engines())
    plan = Plan(csv=str(write_trace(*PUTS)), modes=modes, settings=settings())
    summaries = execute(plan, machinery.surroundings(new_seed=iter([11, 12, 13]).__next__))
    assert [summary.manifest.seed for summary in summaries] == [11, 11, 11]


def test_every_tick_is_told_to_who_asked_for_it(write_trace: WriteTrace, tmp_path: Path) -> None:
    told: list[Tick] = []
    machinery = FakeMachinery()
    summary = run_one(
        write_trace(*PUTS), machinery, settings(out_dir=tmp_path / "out"), on_tick=told.append
    )
    lines = (tmp_path / "out" / FILE_NAME).read_text().splitlines()
    assert len(told) > 1
    assert [tick.to_json() for tick in told] == lines
    assert told[-1].ops == summary.ops.total
