"""What maps store exactly, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from map_samples import ENGINES, EXTREMES, KEY_TYPES, VALUE_TYPES, exact, exact_items, nth

from adhash.errors import KeyTypeError, ValueTypeError
from adhash.maps import Map


@pytest.mark.parametrize("value_type", [*VALUE_TYPES, "uint64"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_extreme_value_is_kept_bit_for_bit(engine: str, value_type: str) -> None:
    found = Map(engine=engine, value=value_type)
    for key, value in enumerate(EXTREMES[value_type]):
        found[key] = value
        assert exact(found[key]) == exact(value)
    assert exact_items(found) == exact_items(dict(enumerate(EXTREMES[value_type])))


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_extreme_key_is_a_key_of_its_own(engine: str, key_type: str) -> None:
    keys = EXTREMES[key_type]
    found = Map(((key, at) for at, key in enumerate(keys)), engine=engine, key=key_type)
    assert len(found) == len(keys)
    assert [found[key] for key in keys] == list(range(len(keys)))
    assert set(found) == set(keys)
    for key in keys:
        del found[key]
    assert found == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_keys_and_values_of_a_megabyte_are_kept(engine: str) -> None:
    keys = [
        bytes([fill]) * (1 << 20) + b"\0" + bytes([last]) for fill in (0, 97) for last in (1, 2)
    ]
    found = Map({key: key[::-1] for key in keys}, engine=engine, key="bytes", value="bytes")
    assert len(found) == 4
    assert all(found[key] == key[::-1] for key in keys)
    assert found.memory_bytes >= 8 << 20
    del found[keys[0]]
    assert found.get(keys[0]) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_values_of_changing_length_replace_each_other(engine: str) -> None:
    found: Map[int, bytes] = Map(engine=engine, value="bytes")
    for length in [0, 100, 3, 15, 16, 17, 5000, 1, 0, 64]:
        for key in range(50):
            found[key] = bytes([key]) * length
        assert all(found[key] == bytes([key]) * length for key in range(50))


_WRONG: dict[str, tuple[Any, ...]] = {
    "int64": ("1", b"1", 1.0, None, (1,), object()),
    "uint64": ("1", b"1", 1.0, None, (1,), object()),
    "float64": ("1", b"1", None, (1,), 1j),
    "str": (b"a", 1, None, ("a",), bytearray(b"a")),
    "bytes": ("a", 1, None, (b"a",)),
}


@pytest.mark.parametrize(
    ("key_type", "wrong"), [(name, item) for name in KEY_TYPES for item in _WRONG[name]]
)
def test_a_key_of_another_type_is_refused_and_changes_nothing(key_type: str, wrong: Any) -> None:
    found = Map({nth(key_type, 1): 1}, key=key_type)
    with pytest.raises(KeyTypeError, match="key must be"):
        found[wrong] = 1
    with pytest.raises(KeyTypeError):
        found[wrong]
    with pytest.raises(KeyTypeError):
        del found[wrong]
    with pytest.raises(KeyTypeError):
        found.put_many([nth(key_type, 2), wrong], [1, 2])
    with pytest.raises(KeyTypeError):
        found.get_many([nth(key_type, 2), wrong])
    assert found == {nth(key_type, 1): 1}


@pytest.mark.parametrize(
    ("value_type", "wrong"), [(name, item) for name in VALUE_TYPES for item in _WRONG[name]]
)
def test_a_value_of_another_type_is_refused_and_changes_nothing(
    value_type: str, wrong: Any
) -> None:
    found = Map({1: nth(value_type, 1)}, value=value_type)
    with pytest.raises(ValueTypeError, match="value must be"):
        found[2] = wrong
    with pytest.raises(ValueTypeError):
        found[1] = wrong
    with pytest.raises(ValueTypeError):
        found.put_many([1, 2], [nth(value_type, 2), wrong])
    assert found == {1: nth(value_type, 1)}


@pytest.mark.parametrize(
    ("key_type", "beyond"),
    [("int64", 2**63), ("int64", -(2**63) - 1), ("uint64", -1), ("uint64", 2**64)],
)
def test_a_number_out_of_range_is_refused_with_the_number(key_type: str, beyond: int) -> None:
    found = Map(key=key_type, value=key_type)
    for attempt in (
        lambda: found.__setitem__(beyond, 1),
        lambda: found.__setitem__(1, beyond),
        lambda: found.put_many([1, beyond], [1, 1]),
        lambda: found.put_many([1, 1], [1, beyond]),
        lambda: found.get_many([beyond]),
        lambda: found.get_many([1], default=beyond),
    ):
        with pytest.raises((KeyTypeError, ValueTypeError), match=rf"must be .*\[.*{beyond}"):
            attempt()
    assert found == {}


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc80" * 20])
def test_lone_surrogates_are_refused(text: str) -> None:
    words = Map(key="str", value="str")
    with pytest.raises(KeyTypeError, match="surrogate"):
        words[text] = "fine"
    with pytest.raises(ValueTypeError, match="surrogate"):
        words["fine"] = text
    with pytest.raises(KeyTypeError, match="surrogate"):
        words.get_many(["fine", text])
    with pytest.raises(ValueTypeError, match="surrogate"):
        words.put_many(["fine"], [text])
    assert words == {}


def test_a_default_of_get_may_be_of_any_type() -> None:
    marker = object()
    assert Map().get(1, marker) is marker


def test_integers_become_floats_where_floats_are_stored() -> None:
    found: Map[int, float] = Map({1: 2}, value="float64")
    assert isinstance(found[1], float)
    found.put_many([2], [3])
    assert found == {1: 2.0, 2: 3.0}


def test_strings_and_bytes_come_back_as_their_types() -> None:
    assert list(Map({"a": "b"}, key="str", value="str").items()) == [("a", "b")]
    assert list(Map({b"a": b"b"}, key="bytes", value="bytes").items()) == [(b"a", b"b")]
