"""Keys and values of every type for the map tests, and what must hold of every map."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st

from adhash.maps import Map, engines

ENGINES = tuple(engines())
KEY_TYPES = ("int64", "uint64", "str", "bytes")
VALUE_TYPES = ("int64", "float64", "str", "bytes")

INT64 = (-(2**63), -1, 0, 1, 2**63 - 1)
UINT64 = (0, 1, 2**63, 2**64 - 1)
FLOATS = (0.0, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308)
TEXTS = ("", "\0", "a\0b", "a", "ключ", "\U0001f511", "x" * 15, "x" * 16, "x" * 17, "y" * 300)
BYTES = (b"", b"\0", b"\0\0", b"a\0", b"\xff\xfe", b"z" * 15, b"z" * 16, b"z" * 17, b"w" * 300)

EXTREMES: dict[str, tuple[Any, ...]] = {
    "int64": INT64,
    "uint64": UINT64,
    "float64": FLOATS,
    "str": TEXTS,
    "bytes": BYTES,
}

_ANY: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "float64": st.floats(),
    "str": st.text(max_size=40),
    "bytes": st.binary(max_size=40),
}


def items_of(type_name: str) -> st.SearchStrategy[Any]:
    """Return a strategy of few, often repeated items with the type's extremes, and of any items."""
    return st.sampled_from(EXTREMES[type_name]) | nth_items(type_name, 50) | _ANY[type_name]


def nth_items(type_name: str, count: int) -> st.SearchStrategy[Any]:
    """Return a strategy of the items that `nth` makes of small numbers."""
    return st.integers(0, count - 1).map(lambda number: nth(type_name, number))


def nth(type_name: str, number: int) -> Any:
    """Return the item of a type that stands for a number; different ones for different numbers."""
    if type_name == "float64":
        return number / 3
    if type_name not in ("str", "bytes"):
        return number
    # Lengths on both sides of whatever a table keeps inline.
    text = f"{number}" + "-" * (number % 29)
    return text if type_name == "str" else text.encode()


def exact(value: Any) -> Any:
    """Return something equal for values of equal bits only: NaN equals itself, -0.0 is not 0.0."""
    return struct.pack("<d", value) if isinstance(value, float) else value


def exact_items(mapping: Any) -> dict[Any, Any]:
    """Return the entries of a mapping for exact comparison."""
    return {key: exact(value) for key, value in mapping.items()}


def listed(values: Any) -> list[Any]:
    """Return an answer of `get_many` as Python objects."""
    return values.tolist() if isinstance(values, np.ndarray) else values.to_pylist()


def require_consistent(found: Map[Any, Any], model: dict[Any, Any]) -> None:
    """Assert that a map holds what a dict holds, by every way of asking, and adds up."""
    assert len(found) == len(model)
    keys = list(found)
    assert len(keys) == len(model), "iteration repeats or loses keys"
    assert set(keys) == set(model)
    assert exact_items(found) == exact_items(model)
    lookup = found.get_many(list(model))
    assert lookup.found.all()
    assert [exact(v) for v in listed(lookup.values)] == [exact(v) for v in model.values()]
    stats = found.stats()
    assert stats.size == len(model)
    assert sum(stats.probe_hist) == len(model)
    assert stats.memory_bytes >= 8 * len(model)
    assert stats.load_factor >= 0
    assert 0 <= stats.tombstone_ratio <= 1
