"""Comparisons and self-tests as rows and lines."""

from __future__ import annotations

from typing import Any

from adhash.ab_presenters import (
    ab_compare_notes,
    ab_compare_table,
    self_test_notes,
    self_test_table,
)


def _comparison(**noise: object) -> dict[str, Any]:
    metric = {"a": 10.0, "b": 20.0, "ratio": 2.0, "interval": [1.9, 2.1], "p_value": 0.0078}
    unknown = {"a": 0.0, "b": 20.0, "ratio": None, "interval": None, "p_value": None}
    decides = {"decides": True, "verdict": "worse", "corrected_p_value": 0.0156}
    informs = {"decides": False, "verdict": None, "corrected_p_value": None}
    build = {"version": "0.3.0", "python": "3.12.1", "location": "/x"}
    return {
        "verdict": "worse",
        "metric": "p99_ns",
        "reason": "it is twice as slow",
        "core": 1,
        "replays": 1,
        "pairs": [{}] * 8,
        "metrics": [
            {"metric": "p99_ns", **metric, **decides},
            {"metric": "p50_ns", **unknown, **informs},
        ],
        "a": {"python_program": None, "build": build},
        "b": {"python_program": None, "build": build},
        "noise": noise,
    }


def test_a_comparison_is_a_row_a_metric_with_the_deciding_ones_marked() -> None:
    rows = ab_compare_table(_comparison()).rows
    expected = ("p99_ns *", "10 ns", "20 ns", "2.000x", "1.900 to 2.100", "0.016", "worse")
    assert rows[0] == expected
    assert rows[1] == ("p50_ns", "0 ns", "20 ns", "-", "-", "-", "")


def test_the_notes_of_a_comparison_end_with_its_verdict() -> None:
    quiet = ab_compare_notes(_comparison(noisy_runs=0, runs=16, reasons=[]))
    assert quiet == [
        "8 pairs of runs, a replay each, bound to core 1; * decides",
        "b is worse: it is twice as slow",
    ]
    noisy = ab_compare_notes(_comparison(noisy_runs=3, runs=16, reasons=["steal", "load"]))
    assert noisy[1] == "the machine disturbed 3 of 16 runs: steal; load"


def test_the_notes_name_another_build_and_how_runs_were_made() -> None:
    result = _comparison(noisy_runs=0, runs=16, reasons=[]) | {"core": None, "replays": 9}
    result["b"]["python_program"] = "/venv/bin/python"
    notes = ab_compare_notes(result)
    expected = "8 pairs of runs, the median of 9 replays each, not bound to a core; * decides"
    assert notes[:2] == [expected, "b is adhash 0.3.0 of /venv/bin/python (Python 3.12.1)"]


def _outcomes(**counts: int) -> dict[str, Any]:
    verdicts = {"better": 0, "worse": 0, "same": 0, "inconclusive": 0, **counts}
    return {"comparisons": sum(verdicts.values()), "median_pairs": 8.0, **verdicts}


def _self_test() -> dict[str, Any]:
    equal = {
        "sides": "equal",
        "pairs": 200,
        "ratio": 1.0,
        "spread": 0.01,
        "correlation": 0.1,
        "in_a_row": _outcomes(same=20),
        "resampled": _outcomes(same=990, worse=10),
    }
    slowed = {
        **equal,
        "sides": "slowed",
        "pairs": 50,
        "ratio": 0.95,
        "in_a_row": _outcomes(),
        "resampled": _outcomes(worse=1000),
    }
    return {
        "equal": equal,
        "slowed": slowed,
        "metrics": ["ops_per_second"],
        "slowdown": 0.05,
        "core": 1,
        "replays": 5,
        "elapsed_s": 250.0,
        "noise": {"noisy_runs": 0, "runs": 450, "reasons": []},
        "verdict": "passed",
        "reason": "all is well",
    }


def test_a_self_test_is_a_row_for_every_way_of_repeating() -> None:
    rows = self_test_table(_self_test()).rows
    assert rows == (
        ("equal", "200", "in a row", "20", "0.0 %", "0.0 %", "100.0 %", "0.0 %"),
        ("equal", "200", "resampled", "1,000", "0.0 %", "1.0 %", "99.0 %", "0.0 %"),
        ("slowed", "50", "in a row", "0", "-", "-", "-", "-"),
        ("slowed", "50", "resampled", "1,000", "0.0 %", "100.0 %", "0.0 %", "0.0 %"),
    )


def test_the_notes_of_a_self_test_end_with_its_verdict() -> None:
    notes = self_test_notes(_self_test())
    assert notes[0].startswith("200 pairs of equal sides and 50 of a slowed one, the median of 5")
    assert "spreads by 1 %" in notes[1]
    assert notes[2] == "the slowed side took 5.3 % longer (it was made to take 5 %)"
    assert notes[-1] == "passed: all is well"
