"""Machinery that does what a test tells it: it takes its time, lies, or finds faults.

It keeps the contract of the native module with a dict, and moves a `ManualClock` instead of
working: a run of an hour takes no time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adhash.cancellation import CancelToken
from adhash.clock import ManualClock
from adhash.config_models import AdaptiveSettings
from adhash.maps import Decision, MapStats
from adhash.replay.execution import Surroundings
from adhash.replay.progress import ignore_progress

ROW_S = 0.01
HEADER = "op,key,value"


class FakeFaultError(Exception):
    """A row that cannot be replayed."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(facts)
        self.line, self.column, self.what, self.value = 2, 1, "a fault", "x"
        self.remedy, self.key_type, self.value_type = "mend it", False, False
        vars(self).update(facts)


@dataclass
class FakeTable:
    """A dict that reports whatever statistics it is told to."""

    engine: str
    key_type: str
    value_type: str
    seed: int
    entries: dict[str, str] = field(default_factory=dict)
    reported: dict[str, Any] = field(default_factory=dict)
    compactions: int = 0
    saved_to: list[tuple[Path, str | None]] = field(default_factory=list)

    def stats(self, probe_samples: int | None = None) -> MapStats:
        facts: dict[str, Any] = {
            "engine": self.engine,
            "layout": "swiss",
            "size": len(self.entries),
            "capacity": 16,
            "load_factor": 0.5,
            "max_group_len": 1,
            "avg_probe_estimate": 1.0,
            "tombstone_ratio": 0.0,
            "tombstones": 0,
            "probe_hist": (len(self.entries),),
            "probe_samples": len(self.entries),
            "memory_bytes": 1024,
            "bytes_per_entry": 32.0,
            "migrations": 0,
            "compactions": self.compactions,
            "reseeds": 0,
            "migrating": False,
            "decisions": (),
        }
        return MapStats(**(facts | self.reported))

    def save(self, path: Path, compress: str | None = None) -> None:
        self.saved_to.append((path, compress))
        path.write_text("saved", encoding="ascii")


class FakeDriver:
    """Runs one row each time it advances, and lets `ROW_S` seconds pass for it."""

    def __init__(self, machinery: FakeMachinery, table: FakeTable, *, verify: bool) -> None:
        self._machinery = machinery
        self._table = table
        self._verify = verify
        self._text = ""
        self._rows: list[list[str]] = []
        names = "rows get put del hits misses inserts updates deletes_found checked mismatches"
        self.counted = dict.fromkeys([*names.split(), "parse_ns", "execute_ns", "side_cpu_ns"], 0)

    def feed_csv(self, block: Any, last: bool) -> None:
        self._text += bytes(block).decode()
        *lines, self._text = (self._text + "\n" * last).split("\n")
        self._rows += [line.split(",") for line in lines if line and line != HEADER]

    def advance(self, budget_ns: int) -> bool:
        self._machinery.budgets_ns.append(budget_ns)
        if not self._rows:
            return True
        op, key, value = self._rows.pop(0)
        self._machinery.clock.advance(ROW_S)
        self._machinery.before_row(self._table, key)
        self._run(op, key, value)
        return not self._rows

    def _run(self, op: str, key: str, value: str) -> None:
        entries, counted = self._table.entries, self.counted
        outcome = {
            "get": ("misses", "hits"),
            "put": ("inserts", "updates"),
            "del": (None, "deletes_found"),
        }[op][key in entries]
        for name in ("rows", op, *([outcome] if outcome else [])):
            counted[name] += 1
        if op == "put":
            entries[key] = value
        elif op == "del":
            entries.pop(key, None)
        counted["checked"] += self._verify
        counted["mismatches"] += self._verify and self._machinery.lies

    def compact(self) -> bool:
        self._table.compactions += 1
        return True

    def release(self) -> bool:
        self._machinery.ends.append("released")
        return not self._machinery.is_told_to_stop()

    def abandon(self) -> None:
        self._machinery.ends.append("abandoned")

    def counters(self) -> dict[str, int]:
        return dict(self.counted)

    def percentiles(self, op: str, quantiles: list[float]) -> list[int]:
        return [round(1000 * quantile) for quantile in quantiles]

    def latency_summary(self, op: str) -> dict[str, int]:
        rows = self.counted["rows"]
        return {"max": 2000, "samples": rows, "total": rows}

    def latency_counts(self, op: str, bounds_ns: list[int]) -> list[int]:
        return [0] * len(bounds_ns) + [self.counted["rows"]]

    def pauses(self) -> list[tuple[int, int, str]]:
        return self._machinery.pauses


@dataclass
class FakeMachinery:
    """Makes fake tables and drivers, and remembers them."""

    clock: ManualClock = field(default_factory=ManualClock)
    types: tuple[str, str] = ("int64", "int64")
    lies: bool = False
    before_row: Callable[[FakeTable, str], None] = lambda table, key: None
    pauses: list[tuple[int, int, str]] = field(default_factory=list)
    tables: list[FakeTable] = field(default_factory=list)
    budgets_ns: list[int] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    is_told_to_stop: Callable[[], bool] = lambda: False
    fault_type: type[Exception] = FakeFaultError

    def engines(self) -> list[str]:
        return ["adaptive", "swiss", "chaining"]

    def isa(self) -> str:
        return "baseline"

    def steady_now_ns(self) -> int:
        return self.clock.monotonic_ns()

    def infer_types(self, block: Any, *, is_whole: bool) -> tuple[str, str]:
        return self.types

    def new_table(
        self, *, engine: str, key: str, value: str, seed: int, adaptive: AdaptiveSettings
    ) -> FakeTable:
        self.tables.append(FakeTable(engine, key, value, seed))
        return self.tables[-1]

    def load_table(self, path: Path, *, engine: str) -> FakeTable:
        self.tables.append(FakeTable(engine, "int64", "int64", 7, {"1": "1"}))
        return self.tables[-1]

    def types_of_snapshot(self, path: Path) -> tuple[str, str]:
        return "int64", "int64"

    def new_driver(self, table: Any, *, verify: bool, **options: Any) -> FakeDriver:
        return FakeDriver(self, table, verify=verify)

    def new_checker(self, **options: Any) -> Any:
        raise NotImplementedError

    def surroundings(self, **changes: Any) -> Surroundings:
        """Return what a run takes from outside, with this machinery."""
        given: dict[str, Any] = {
            "machinery": self,
            "clock": self.clock,
            "new_seed": lambda: 42,
            "cancel": CancelToken(),
            "progress": ignore_progress,
            "announce": lambda text: None,
        }
        return Surroundings(**(given | changes))


def decision(at_ops: int, to_layout: str) -> Decision:
    """Return a decision to move to a layout."""
    return Decision(
        at_ops=at_ops,
        signal="growth: probes got longer",
        from_layout="swiss",
        to_layout=to_layout,
        expected_gain=0.2,
        measured_gain=None,
    )
