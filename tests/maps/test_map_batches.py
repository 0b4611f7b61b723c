"""Batches take arrays of every kind without rounding, wrapping or truncating anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from map_samples import ENGINES

from adhash.config_models import AdaptiveSettings
from adhash.errors import KeyTypeError, ValueTypeError
from adhash.maps import BatchLengthError, KeyRangeError, Lookup, Map, ValueRangeError

INTEGER_DTYPES = [
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    ">i4",
    "<i8",
]


def named(keys: object) -> str:
    """Return a name that is the same in every process: no address is in it."""
    return " ".join(f"{type(keys).__name__} {keys}".split())


@pytest.mark.parametrize("key_type", ["int64", "uint64"])
@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_integers_of_every_dtype_are_keys(dtype: str, key_type: Any) -> None:
    found = Map(key=key_type)
    keys = np.array([0, 1, 100], dtype=dtype)
    assert found.put_many(keys, [10, 11, 12]) == 3
    assert found == {0: 10, 1: 11, 100: 12}
    assert found.get_many(keys[::-1]).values.tolist() == [12, 11, 10]


@pytest.mark.parametrize(
    ("key_type", "keys", "offender"),
    [
        ("uint64", np.array([5, -3], dtype=np.int8), -3),
        ("int64", np.array([5, 2**63], dtype=np.uint64), 2**63),
        ("uint64", pa.array([5, -3], pa.int32()), -3),
        ("int64", pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        ("int64", np.array([1, 2**70], dtype=object), 2**70),
        ("int64", [1, -(2**63) - 1], -(2**63) - 1),
        ("int64", [-1, 2**63], 2**63),
        ("uint64", range(-2, 2), -2),
    ],
)
def test_integers_out_of_range_are_refused_with_the_range(
    key_type: Any, keys: Any, offender: int
) -> None:
    found = Map(key=key_type)
    low = np.iinfo(key_type).min
    with pytest.raises(KeyRangeError, match=rf"key must be in \[{low}, \d+\]; got {offender}$"):
        found.put_many(keys, [0] * len(keys))
    assert found == {}


@pytest.mark.parametrize(
    "keys",
    [
        np.array([1.0, 2.0]),
        np.array([True, False]),
        np.array(["1"]),
        np.array(["2026-01-01"], dtype="M8[D]"),
        np.array([[1, 2], [3, 4]]),
        np.array(7),
        [1, 2.5],
        [1, "2"],
        pa.array([1.0]),
        pa.array([True]),
        pa.array(["1"]),
        pa.array([1, None]),
        pa.chunked_array([[1], [None]]),
        "12",
        b"12",
        12,
    ],
    ids=named,
)
def test_other_things_than_many_integers_are_refused_as_integer_keys(keys: Any) -> None:
    found = Map({1: 1})
    for attempt in (found.get_many, found.contains_many, found.delete_many):
        with pytest.raises(KeyTypeError, match="int64"):
            attempt(keys)
    assert found == {1: 1}


@pytest.mark.parametrize(
    "keys",
    [
        [b"a"],
        ["a", 1],
        np.array([b"a"]),
        np.array([1]),
        np.array([["a"]]),
        pa.array([b"a"]),
        pa.array(["a", None]),
        pa.array([1]),
        "abc",
    ],
    ids=named,
)
def test_other_things_than_many_strings_are_refused_as_string_keys(keys: Any) -> None:
    found = Map({"a": 1}, key="str")
    with pytest.raises(KeyTypeError, match="str"):
        found.get_many(keys)


@pytest.mark.parametrize(
    "keys",
    [
        ["a", "ключ", ""],
        ("a", "ключ", ""),
        iter(["a", "ключ", ""]),
        {"a": 0, "ключ": 0, "": 0},
        np.array(["a", "ключ", ""]),
        np.array(["a", "ключ", ""], dtype=object),
        pa.array(["a", "ключ", ""]),
        pa.array(["a", "ключ", ""], pa.large_string()),
        pa.array(["a", "ключ", ""]).dictionary_encode(),
        pa.array(["no", "a", "ключ", "", "no"])[1:4],
        pa.array(["no", "a", "ключ", "", "no"], pa.large_string())[1:4],
        pa.chunked_array([["a"], ["ключ", ""]]),
        pa.chunked_array([pa.array(["no", "a"])[1:], pa.array([], pa.string()), ["ключ", ""]]),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_strings_come_in_every_container(keys: Any) -> None:
    found = Map({"no": 1}, key="str")
    assert found.put_many(keys, [1, 2, 3]) == 3
    assert found == {"no": 1, "a": 1, "ключ": 2, "": 3}


@pytest.mark.parametrize(
    "keys",
    [
        [b"a", b"\0b"],
        np.array([b"a", b"\0b"]),
        np.array([b"a", b"\0b"], dtype=object),
        pa.array([b"a", b"\0b"]),
        pa.array([b"a", b"\0b"], pa.large_binary()),
        pa.chunked_array([[b"a"], [b"\0b"]]),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_bytes_come_in_every_container(keys: Any) -> None:
    found = Map(key="bytes", value="bytes")
    assert found.put_many(keys, keys) == 2
    assert found == {b"a": b"a", b"\0b": b"\0b"}


def test_fixed_size_binary_is_bytes() -> None:
    found = Map(key="bytes")
    found.put_many(pa.array([b"ab", b"cd"], pa.binary(2)), [1, 2])
    assert found == {b"ab": 1, b"cd": 2}


@pytest.mark.parametrize("key_type", ["int64", "uint64", "str", "bytes"])
@pytest.mark.parametrize(
    "empty", [[], (), np.array([]), pa.array([]), pa.chunked_array([], "int64")]
)
def test_empty_batches_of_every_kind_do_nothing(key_type: Any, empty: Any) -> None:
    found = Map(key=key_type)
    assert found.put_many(empty, empty) == 0
    assert found.delete_many(empty) == 0
    assert len(found.contains_many(empty)) == 0
    assert len(found.get_many(empty).values) == 0


def test_pandas_series_are_keys_and_values() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"name": ["a", "b"], "count": [1, 2]}, index=[7, 8])
    names = Map(key="str")
    assert names.put_many(frame["name"], frame["count"]) == 2
    assert names == {"a": 1, "b": 2}
    by_index = Map(value="str")
    by_index.put_many(frame.index, frame["name"])
    assert by_index == {7: "a", 8: "b"}
    with pytest.raises(KeyTypeError):
        names.get_many(pandas.Series(["a", None]))


def test_polars_series_are_keys_and_values() -> None:
    polars = pytest.importorskip("polars")
    names = Map(key="str")
    assert names.put_many(polars.Series(["a", "b"]), polars.Series([1, 2])) == 2
    assert names == {"a": 1, "b": 2}
    with pytest.raises(KeyTypeError, match="null"):
        names.get_many(polars.Series(["a", None]))


def test_a_look_up_names_its_parts_and_unpacks() -> None:
    found = Map({1: 10})
    lookup = found.get_many([1, 2])
    assert isinstance(lookup, Lookup)
    values, present = lookup
    assert values is lookup.values
    assert present.dtype == np.bool_
    assert present.tolist() == [True, False]


def test_missing_numbers_are_zero_or_the_default() -> None:
    found = Map({1: 10})
    assert found.get_many([1, 2]).values.tolist() == [10, 0]
    assert found.get_many([1, 2], default=-5).values.tolist() == [10, -5]
    assert found.get_many([1, 2], -5).values.dtype == np.int64
    floats = Map({1: 0.5}, value="float64")
    assert floats.get_many([1, 2], default=float("inf")).values.tolist() == [0.5, float("inf")]
    assert np.isnan(floats.get_many([2], default=float("nan")).values).all()


def test_missing_texts_are_null_or_the_default() -> None:
    found = Map({1: "one"}, value="str")
    assert found.get_many([2, 1]).values.to_pylist() == [None, "one"]
    assert found.get_many([2, 1], default="").values.to_pylist() == ["", "one"]
    raw = Map({1: b"one"}, value="bytes")
    assert raw.get_many([2, 1], default=b"?").values.to_pylist() == [b"?", b"one"]


@pytest.mark.parametrize("default", ["x", 1.5, 2**63])
def test_a_default_of_another_type_is_refused(default: Any) -> None:
    with pytest.raises((ValueTypeError, ValueRangeError)):
        Map({1: 1}).get_many([1], default=default)


@pytest.mark.parametrize("keys", [pa.array([1, 2]), pa.chunked_array([[1], [2]])])
def test_arrow_keys_are_answered_with_arrow_values(keys: Any) -> None:
    lookup = Map({1: 10}).get_many(keys)
    assert lookup.values.equals(pa.array([10, None], pa.int64()))
    assert lookup.found.tolist() == [True, False]
    assert Map({1: 0.5}, value="float64").get_many(keys, default=2).values.to_pylist() == [0.5, 2.0]


def test_as_many_values_as_keys_are_needed() -> None:
    found = Map()
    with pytest.raises(BatchLengthError, match="got 3 keys and 2 values"):
        found.put_many([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="got 0 keys and 1 values"):
        found.put_many([], [1])
    assert found == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_of_equal_keys_in_a_batch_the_last_wins(engine: str) -> None:
    found = Map(engine=engine)
    assert found.put_many([1, 2, 1, 1], [10, 20, 30, 40]) == 2
    assert found == {1: 40, 2: 20}
    assert found.delete_many([1, 1, 3]) == 1


@pytest.mark.parametrize("values", [[1, "2"], np.array([1.5]), np.array([True]), pa.array([None])])
def test_values_of_another_type_are_refused_before_anything_is_stored(values: Any) -> None:
    found = Map()
    with pytest.raises(ValueTypeError, match="int64"):
        found.put_many(range(len(values)), values)
    assert found == {}


def test_integers_beyond_any_float_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="value must be in"):
        Map(value="float64").put_many([1, 2], [0.5, 10**400])


def test_numbers_that_know_how_to_be_integers_are_keys() -> None:
    found = Map({1: 1})
    assert found.contains_many([np.int8(1), np.uint64(2)]).tolist() == [True, False]


def test_strided_and_read_only_arrays_are_taken() -> None:
    keys = np.arange(20)
    keys.flags.writeable = False
    found = Map()
    assert found.put_many(keys[::-3], keys[::3]) == 7
    assert found == dict(zip(range(19, -1, -3), range(0, 20, 3), strict=True))


def test_a_batch_leaves_the_callers_arrays_alone() -> None:
    keys, values = np.array([3, 1, 2]), np.array([30, 10, 20])
    found = Map()
    found.put_many(keys, values)
    lookup = found.get_many(keys)
    lookup.values[:] = -1
    assert keys.tolist() == [3, 1, 2]
    assert values.tolist() == [30, 10, 20]
    assert found == {3: 30, 1: 10, 2: 20}


@pytest.mark.parametrize("layout", ["swiss", "chaining", "robinhood"])
def test_a_batch_that_meets_a_migration_reads_every_value_as_it_is(layout: Any) -> None:
    # Values this short lie in the entries: a step between two look-ups would move them away.
    slow = AdaptiveSettings(migration_step=1, initial_layout=layout, layout_switching=False)
    random = np.random.default_rng(1)
    found = Map(value="bytes", settings=slow, seed=1)
    met = 0
    for number in range(6000):
        found[number] = b"%d" % number
        if number % 7 == 0 and found.stats(1).migrating:
            asked = random.permutation(number + 1)
            values = found.get_many(asked).values.to_pylist()
            assert values == [b"%d" % key for key in asked.tolist()]
            met += 1
    assert met > 0, "no batch met a migration"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_batch_agrees_with_single_operations(engine: str) -> None:
    random = np.random.default_rng(7)
    keys = random.integers(-(2**63), 2**63 - 1, 50_000)
    found = Map(engine=engine)
    found.put_many(keys, np.arange(50_000))
    model = dict(zip(keys.tolist(), range(50_000), strict=True))
    assert len(found) == len(model)
    asked = np.concatenate([keys[::7], random.integers(-(2**63), 2**63 - 1, 5000)])
    values, present = found.get_many(asked)
    for key, value, was_found in zip(asked.tolist(), values.tolist(), present, strict=True):
        assert was_found == (key in model)
        assert value == model.get(key, 0) == found.get(key, 0)
