"""Models as rows: what each table says, and what a missing figure looks like."""

from __future__ import annotations

import pytest

from adhash.presenters import (
    Table,
    checks_table,
    columns,
    comparison_table,
    engines_table,
    plain_text,
    replay_notes,
)

FAST = {
    "mode": "adaptive",
    "engine": "adaptive",
    "status": "completed",
    "elapsed_s": 0.5,
    "ops_per_second": 20_000_000.0,
    "latency_ns": {"overall": {"p50": 40, "p99": 900, "p999": 2500, "max": 3_000_000}},
    "memory": {"bytes_per_entry": 26.84},
    "final_size": 1_000_000,
    "pauses": [{"at_s": 0.1, "ns": 900, "cause": "growth"}, {"at_s": 0.2, "ns": 2_000_000}],
    "probe_hist": [3, 0, 1],
}
SLOW = {
    "mode": "fast-insert",
    "engine": "chaining",
    "status": "cancelled",
    "ops_per_second": 5_000_000.0,
}


def test_engines_show_the_modes_that_choose_them() -> None:
    rows = engines_table(["adaptive", "chaining", "robinhood", "unheard-of"]).rows
    assert [row[:2] for row in rows] == [
        ("adaptive", "adaptive"),
        ("chaining", "chaining, fast-insert"),
        ("robinhood", "robinhood, fast-lookup"),
        ("unheard-of", "unheard-of"),
    ]


def test_replays_are_compared_with_the_best_of_them() -> None:
    table = comparison_table([SLOW, FAST])
    headings = [column.heading for column in table.columns]
    slow, fast = (dict(zip(headings, row, strict=True)) for row in table.rows)
    assert (fast["mode"], fast["ops/s"], fast["vs best"]) == ("adaptive", "20 M", "1.00x")
    assert (fast["p50"], fast["max"], fast["longest pause"]) == ("40 ns", "3 ms", "2 ms")
    assert (fast["probe"], fast["bytes/entry"], fast["entries"]) == ("1.50", "26.8", "1,000,000")
    assert (slow["mode"], slow["vs best"]) == ("fast-insert (chaining), cancelled", "0.25x")


def test_notes_tell_of_checks_alerts_noise_and_each_file_once() -> None:
    summary = {
        "mode": "swiss",
        "verified": {"checked": 1200, "mismatches": 0},
        "ticks": {"emitted": 9, "written": 4, "dropped": 5},
        "alerts": [{"message": "load factor reached 0.9; limit 0.7"}],
        "manifest": {"noise": {"reasons": ["2.0% of the CPU time was stolen; limit 1%"]}},
        "artifacts": {"metrics": "out/metrics.ndjson"},
    }
    notes = replay_notes([summary, {"mode": "std", "artifacts": {"metrics": "out/metrics.ndjson"}}])
    assert notes == [
        "swiss: 1,200 answers checked, 0 wrong",
        "swiss: 5 ticks were not written, because of metrics.max_ticks",
        "swiss: alert, load factor reached 0.9; limit 0.7",
        "swiss: noisy machine, 2.0% of the CPU time was stolen; limit 1%",
        "metrics: out/metrics.ndjson",
    ]


def test_a_figure_that_is_missing_or_no_number_shows_as_a_dash() -> None:
    row = comparison_table([{"mode": "swiss", "ops_per_second": True, "latency_ns": []}]).rows[0]
    assert row[0] == "swiss"
    assert set(row[1:]) == {"-"}


def test_no_replays_make_an_empty_table() -> None:
    assert comparison_table([]).rows == ()


def test_plain_text_aligns_columns_and_leaves_no_space_at_the_end() -> None:
    table = Table(columns=columns("name", "size>"), rows=(("a", "1"), ("long", "200")), title="T")
    assert plain_text(table) == "T\nname  size\na        1\nlong   200"


def test_a_row_with_too_few_cells_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table(columns=columns("a", "b"), rows=(("x",),))


def test_checks_of_a_snapshot_are_told_one_a_row() -> None:
    checks = [
        {"name": "framing", "ok": True, "detail": "fine"},
        {"name": "checksum", "ok": False, "detail": "wrong"},
        {"name": "rows", "ok": None, "detail": "not checked"},
    ]
    assert checks_table({"checks": checks}).rows == (
        ("framing", "ok", "fine"),
        ("checksum", "damaged", "wrong"),
        ("rows", "-", "not checked"),
    )


def test_a_cell_of_plain_text_stays_in_its_line_and_does_nothing_to_a_terminal() -> None:
    table = Table(columns=columns("key", "n>"), rows=(("a\n\x1b[2J", "1"), ("tee\N{SNOWMAN}", "2")))
    assert plain_text(table) == "key         n\na\\n\\x1b[2J  1\ntee\N{SNOWMAN}        2"
