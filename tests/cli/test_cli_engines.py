"""``adhash engines``: every engine of this build, and the modes that choose it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("adhash.maps", reason="the native module is not built", exc_type=ImportError)

# What the fixture `run` gives: a function that runs adhash and returns its Outcome.
Run = Callable[..., Any]


def test_engines_are_listed_with_their_modes(run: Run) -> None:
    rows = {row["engine"]: row["modes"] for row in run("engines", "--json").answer["engines"]}
    assert {"adaptive", "chaining", "robinhood", "swiss", "std"} <= set(rows)
    assert rows["chaining"] == ["chaining", "fast-insert"]
    assert rows["robinhood"] == ["robinhood", "fast-lookup"]


def test_engines_are_listed_as_text(run: Run) -> None:
    outcome = run("engines")
    assert (outcome.code, outcome.err) == (0, "")
    first_words = [line.split()[0] for line in outcome.out.splitlines()]
    assert first_words[0] == "engine"
    assert "swiss" in first_words
