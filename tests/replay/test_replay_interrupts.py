"""Long native work ends when it is told to: what was done is counted, and nothing is half done."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adhash.cancellation import CancelToken
from adhash.maps import Map
from adhash.replay import run_csv
from adhash.replay.machinery import NativeMachinery

# Growth of so many entries begins long after the 50 ms in which nobody is asked.
ROWS = 2_500_000
PUT = 1
AN_HOUR_NS = 3_600_000_000_000


def new_driver(table: Map[Any, Any], should_stop: Callable[[], bool], **options: Any) -> Any:
    given = {"sample_every": 1024, "rate": 0.0, "verify": False, "max_line_bytes": 1 << 20}
    return NativeMachinery().new_driver(table, should_stop=should_stop, **(given | options))


def fed(
    engine: str, should_stop: Callable[[], bool], rows: int = ROWS, **options: Any
) -> tuple[Any, Any]:
    """Return a table, and what will put so many distinct keys into it."""
    table: Map[Any, Any] = Map(engine=engine, key="int64", value="int64", seed=1)
    driver = new_driver(table, should_stop, **options)
    keys = np.arange(rows, dtype=np.int64)
    driver.feed_columns(np.full(rows, PUT, dtype=np.uint8), keys, keys)
    return table, driver


def require_done(table: Any, driver: Any, rows: int) -> None:
    counted = driver.counters()
    assert (counted["rows"], counted["put"], counted["inserts"]) == (rows, rows, rows)
    assert len(table) == rows
    assert table.contains_many(np.arange(rows)).all()


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("engine", ["chaining", "robinhood", "swiss", "std"])
def test_growth_that_is_told_to_stop_can_be_gone_on_with(engine: str, verify: bool) -> None:
    answers = [True]
    table, driver = fed(
        engine,
        lambda: bool(answers and answers.pop()),
        verify=verify,
        # A rehash of std cannot be given up, only left.
        leaves_work=engine == "std",
    )
    interrupted_at = set()
    while not driver.advance(AN_HOUR_NS):
        interrupted_at.add(driver.counters()["rows"])
        require_done(table, driver, driver.counters()["rows"])
    assert len(answers) == 0
    (stopped_at,) = interrupted_at
    assert 0 < stopped_at < ROWS
    require_done(table, driver, ROWS)
    assert driver.counters()["mismatches"] == 0


def test_a_rehash_that_was_left_is_told_of_as_before_it_and_costs_cpu_time() -> None:
    answers = [True]
    table, driver = fed("std", lambda: bool(answers and answers.pop()), leaves_work=True)
    assert not driver.advance(AN_HOUR_NS)
    # Without waiting for the thread that goes on: as the summary of a cancelled run does.
    stats = table.stats()
    rows = driver.counters()["rows"]
    assert (stats.size, stats.capacity) == (rows, rows)  # the load factor of std is 1 then
    assert stats.memory_bytes > 0
    assert stats.probe_hist == ()
    assert table.stats(0).migrations == stats.migrations
    assert driver.advance(AN_HOUR_NS)
    assert table.stats(0).capacity > ROWS
    assert driver.counters()["side_cpu_ns"] > 0
    require_done(table, driver, ROWS)


def test_compaction_that_is_told_to_stop_changes_nothing() -> None:
    answers = [True]
    table, driver = fed("adaptive", lambda: bool(answers and answers.pop()))
    assert driver.advance(AN_HOUR_NS)
    assert not table.stats(0).compactions
    while not driver.compact():
        assert not table.stats(0).compactions
    assert table.stats(0).compactions == 1
    require_done(table, driver, ROWS)


def test_error_of_who_is_asked_ends_the_work_and_reaches_the_caller() -> None:
    def fail() -> bool:
        raise KeyboardInterrupt

    table, driver = fed("swiss", fail)
    with pytest.raises(KeyboardInterrupt):
        driver.advance(AN_HOUR_NS)
    rows = driver.counters()["rows"]
    assert 0 < rows < ROWS
    require_done(table, driver, rows)


def test_who_is_asked_may_not_touch_the_map_and_is_told_so() -> None:
    table, driver = fed("swiss", lambda: len(table) > 0)
    with pytest.raises(RuntimeError, match="in the midst of a batch"):
        driver.advance(AN_HOUR_NS)
    require_done(table, driver, driver.counters()["rows"])


@pytest.mark.parametrize("engine", ["std", "swiss"])
def test_release_gives_the_memory_back(engine: str) -> None:
    table, driver = fed(engine, lambda: False, rows=1000, verify=True)
    assert driver.advance(AN_HOUR_NS)
    assert driver.release()
    assert len(table) == (0 if engine == "std" else 1000)


def test_release_of_nodes_stops_when_it_is_told_to() -> None:
    answers = [False]
    # Asked once before the first node, and every 50 ms then.
    table, driver = fed("std", lambda: not answers or answers.pop(), rows=1_000_000)
    while not driver.advance(10_000_000):
        pass
    assert not driver.release()
    assert 0 < len(table) < 1_000_000
    assert not driver.release()


def test_a_map_that_was_left_behind_can_be_used_no_more() -> None:
    code = """
from adhash.maps import Map
from adhash.replay.machinery import NativeMachinery
table = Map({n: n for n in range(1000)}, engine="std")
driver = NativeMachinery().new_driver(
    table, sample_every=0, rate=0.0, verify=True, max_line_bytes=99, should_stop=lambda: False
)
driver.abandon()
try:
    len(table)
except TypeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Map" in done.stdout


@pytest.mark.parametrize("wait_s", [0.1, 0.3, 0.5])
def test_token_ends_a_run_of_another_thread(tmp_path: Path, wait_s: float) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("op,key,value\n" + "".join(f"put,{n},1\n" for n in range(ROWS)))
    token = CancelToken()
    ended: list[Any] = []

    def work() -> None:
        ended.append(
            run_csv(trace, mode="swiss", cancel=token, environ={}, announce=lambda text: None)
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(wait_s)
    token.cancel()
    thread.join(60)
    (summary,) = ended
    assert summary.status in ("cancelled", "completed")
    assert summary.ops.total == summary.inserts == summary.final_size
