"""Models as rows: what each table says, and what a missing figure looks like."""

from __future__ import annotations

import pytest

from adhash.presenters import Table, columns, comparison_table, engines_table, plain_text

FAST = {
    "mode": "adaptive",
    "engine": "adaptive",
    "status": "completed",
    "elapsed_s": 0.5,
    "ops_per_second": 20_000_000.0,
    "latency_ns": {"overall": {"p50": 40, "p99": 900, "p999": 2500, "max": 3_000_000}},
    "memory": {"bytes_per_entry": 26.84},
    "final_size": 1_000_000,
}
SLOW = {"mode": "std", "engine": "std", "status": "cancelled", "ops_per_second": 5_000_000.0}


def test_engines_show_the_modes_that_choose_them() -> None:
    rows = engines_table(["adaptive", "chaining", "robinhood", "unheard-of"]).rows
    assert [row[:2] for row in rows] == [
        ("adaptive", "adaptive"),
        ("chaining", "chaining, fast-insert"),
        ("robinhood", "robinhood, fast-lookup"),
        ("unheard-of", "unheard-of"),
    ]


def test_replays_are_compared_with_the_first_of_them() -> None:
    table = comparison_table([FAST, SLOW])
    headings = [column.heading for column in table.columns]
    fast, slow = (dict(zip(headings, row, strict=True)) for row in table.rows)
    assert (fast["rate"], fast["vs first"]) == ("20 M ops/s", "1.00x")
    assert (fast["p50"], fast["max"]) == ("40 ns", "3 ms")
    assert (fast["bytes/entry"], fast["entries"]) == ("26.8", "1,000,000")
    assert (slow["vs first"], slow["status"]) == ("0.25x", "cancelled")


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
