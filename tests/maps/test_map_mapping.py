"""A map is a MutableMapping: it compares, copies, prints, merges and iterates as a dict does."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict, UserDict
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

import pytest
from map_samples import ENGINES, KEY_TYPES, VALUE_TYPES, exact_items, nth

from adhash.config_models import AdaptiveSettings
from adhash.errors import ConfigError
from adhash.maps import Map


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def squares(engine: str) -> Map[int, int]:
    return Map({number: number * number for number in range(100)}, engine=engine)


def test_a_map_is_a_mutable_mapping(squares: Map[int, int]) -> None:
    assert isinstance(squares, MutableMapping)
    assert isinstance(squares, Mapping)
    assert issubclass(Map, MutableMapping)


@pytest.mark.parametrize(
    "initial",
    [
        {1: 2, 3: 4},
        [(1, 2), (3, 4)],
        iter([(1, 2), [3, 4]]),
        UserDict({1: 2, 3: 4}),
        MappingProxyType({1: 2, 3: 4}),
        {1: 2, 3: 4}.items(),
    ],
    ids=["dict", "pairs", "iterator", "mapping", "proxy", "items"],
)
def test_a_map_is_made_of_whatever_a_dict_is_made_of(initial: Any) -> None:
    assert Map(initial) == {1: 2, 3: 4}


def test_a_map_is_made_of_a_map_of_the_same_and_of_other_types(squares: Map[int, int]) -> None:
    assert Map(squares, engine="std") == squares
    assert Map(squares, key="uint64", value="float64") == squares


def test_an_empty_map_is_false_and_empty() -> None:
    empty = Map()
    assert not empty
    assert list(empty) == []
    assert empty == {}
    assert (empty.engine, empty.key_type, empty.value_type) == ("adaptive", "int64", "int64")


def test_views_follow_the_map(squares: Map[int, int]) -> None:
    keys, values, items = squares.keys(), squares.values(), squares.items()
    assert (len(keys), len(values), len(items)) == (100, 100, 100)
    squares[1000] = 1
    assert 1000 in keys
    assert (1000, 1) in items
    assert (1000, 2) not in items
    assert (1001, 1) not in items
    assert sorted(keys) == [*range(100), 1000]
    assert sorted(values) == sorted([*(n * n for n in range(100)), 1])
    assert dict(items) == dict(squares)


def test_views_are_sets_of_keys_and_items(squares: Map[int, int]) -> None:
    assert squares.keys() & {5, 500} == {5}
    assert squares.keys() - set(range(98)) == {98, 99}
    assert squares.items() >= {(3, 9)}
    assert squares.keys().isdisjoint({-1})


def test_get_pop_and_setdefault_with_and_without_defaults(squares: Map[int, int]) -> None:
    assert squares.get(7) == 49
    assert squares.get(700) is None
    assert squares.get(700, "other") == "other"
    assert squares.pop(7) == 49
    assert 7 not in squares
    assert squares.pop(7, None) is None
    with pytest.raises(KeyError, match="7"):
        squares.pop(7)
    assert squares.setdefault(7, -1) == -1
    assert squares.setdefault(7, -2) == -1


def test_a_missing_key_is_named_by_the_error(squares: Map[int, int]) -> None:
    with pytest.raises(KeyError) as caught:
        squares[12345]
    assert caught.value.args == (12345,)
    with pytest.raises(KeyError) as caught:
        del squares[12345]
    assert caught.value.args == (12345,)


def test_popitem_empties_a_map_and_then_raises(squares: Map[int, int]) -> None:
    popped = dict(squares.popitem() for _ in range(100))
    assert popped == {number: number * number for number in range(100)}
    with pytest.raises(KeyError, match="empty"):
        squares.popitem()


def test_popitem_gives_what_is_there_after_other_changes(squares: Map[int, int]) -> None:
    squares.popitem()
    squares.clear()
    squares[-5] = 5
    assert squares.popitem() == (-5, 5)
    assert len(squares) == 0


def test_popping_every_item_of_a_large_map_ends() -> None:
    # Searching for the next entry from the first slot each time would take 10^10 steps.
    large = Map(((number, 0) for number in range(100_000)), engine="swiss")
    while large:
        large.popitem()
    assert list(large) == []


def test_update_takes_mappings_pairs_and_keywords(engine: str) -> None:
    words: Map[str, int] = Map(engine=engine, key="str")
    words.update({"one": 1})
    words.update([("two", 2)], three=3)
    words.update(four=4)
    words.update(Map({"five": 5}, key="str"))
    words.update(words)
    assert words == {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


@pytest.mark.parametrize("other", [5, [1, 2], [(1, 2, 3)]])
def test_update_refuses_what_has_no_pairs(other: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Map().update(other)


def test_maps_equal_any_mapping_of_the_same_entries(squares: Map[int, int]) -> None:
    same = {number: number * number for number in range(100)}
    assert squares == same
    assert same == squares
    assert squares == OrderedDict(same)
    assert squares == Map(same, engine="std")
    assert squares == Map(same, key="uint64", value="float64")
    assert squares != same | {0: 1}
    assert squares != {k: v for k, v in same.items() if k}
    assert squares != (same | {-1: 0})
    assert squares != Map(same | {-1: 0})
    assert squares != Map({str(k): v for k, v in same.items()}, key="str")
    assert squares != list(same.items())
    assert squares is not None


@pytest.mark.parametrize("value_type", ["str", "bytes"])
def test_maps_of_texts_with_the_same_bytes_cut_elsewhere_differ(value_type: Any) -> None:
    ab_c, a_bc = ("ab", "c"), ("a", "bc")
    if value_type == "bytes":
        ab_c, a_bc = (b"ab", b"c"), (b"a", b"bc")
    left = Map(enumerate(ab_c), value=value_type)
    assert left == Map(enumerate(ab_c), value=value_type)
    assert left != Map(enumerate(a_bc), value=value_type)


def test_a_map_equals_itself_even_with_nan_in_it() -> None:
    found = Map({1: float("nan")}, value="float64")
    assert found == found
    assert found != found.copy()


def test_maps_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Map())


def test_maps_cannot_be_reversed() -> None:
    with pytest.raises(TypeError, match="not reversible"):
        reversed(Map({0: 0}))  # type: ignore[call-overload]


def test_merging_prefers_the_right_and_changes_neither(squares: Map[int, int]) -> None:
    merged = squares | {0: -1, 1000: 1}
    assert type(merged) is Map
    assert (merged[0], merged[1000], len(merged)) == (-1, 1, 101)
    assert squares[0] == 0
    reflected = {0: -1, 1000: 1} | squares
    assert type(reflected) is Map
    assert (reflected[0], reflected[1000]) == (0, 1)
    assert reflected.engine == squares.engine


def test_merging_in_place_takes_pairs_too(squares: Map[int, int]) -> None:
    same = squares
    same |= [(0, 5)]
    assert same is squares
    assert squares[0] == 5
    with pytest.raises(TypeError):
        squares | [(0, 5)]  # type: ignore[operator]


@pytest.mark.parametrize("copier", [Map.copy, copy.copy, copy.deepcopy])
def test_a_copy_is_independent_and_of_the_same_kind(squares: Map[int, int], copier: Any) -> None:
    twin = copier(squares)
    assert twin == squares
    assert (twin.engine, twin.seed) == (squares.engine, squares.seed)
    twin[0] = 77
    del twin[1]
    assert squares[0] == 0
    assert squares[1] == 1
    squares.clear()
    assert len(twin) == 99


@pytest.mark.parametrize("value_type", VALUE_TYPES)
@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_pickling_gives_an_equal_map(engine: str, key_type: str, value_type: str) -> None:
    entries = {nth(key_type, n): nth(value_type, n) for n in range(300)}
    chosen = AdaptiveSettings(migration_step=3) if engine == "adaptive" else None
    found = Map(entries, engine=engine, key=key_type, value=value_type, settings=chosen, seed=5)
    twin = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert exact_items(twin) == exact_items(entries)
    assert (twin.engine, twin.key_type, twin.value_type, twin.seed) == (
        engine,
        key_type,
        value_type,
        5,
    )


def test_the_text_of_a_map_shows_its_kind_and_a_few_entries() -> None:
    assert repr(Map({1: 2})) == "Map({1: 2}, engine='adaptive', key='int64', value='int64', size=1)"
    assert repr(Map(engine="std")) == "Map({}, engine='std', key='int64', value='int64', size=0)"
    long = repr(Map({str(n): "v" * 1000 for n in range(10_000)}, key="str", value="str"))
    assert long.endswith(", ...}, engine='adaptive', key='str', value='str', size=10000)")
    assert len(long) < 600


def test_inserting_while_iterating_raises(squares: Map[int, int]) -> None:
    keys = iter(squares)
    squares[next(keys) + 1000] = 0
    with pytest.raises(RuntimeError, match="changed"):
        next(keys)


def test_deleting_while_iterating_raises(squares: Map[int, int]) -> None:
    keys = iter(squares)
    del squares[next(keys)]
    with pytest.raises(RuntimeError, match="changed"):
        next(keys)


def test_overwriting_values_while_iterating_is_allowed(squares: Map[int, int]) -> None:
    for key in squares:
        squares[key] = -key
    assert squares == {number: -number for number in range(100)}


def test_an_iterator_outlives_the_name_of_its_map(engine: str) -> None:
    keys = iter(Map({1: 1, 2: 2}, engine=engine))
    assert sorted(keys) == [1, 2]


def test_an_exhausted_iterator_stays_exhausted(squares: Map[int, int]) -> None:
    keys = iter(squares)
    assert len(list(keys)) == 100
    squares[5000] = 1
    assert list(keys) == []


def test_clearing_leaves_a_usable_map(squares: Map[int, int]) -> None:
    squares.clear()
    assert squares == {}
    squares[1] = 2
    assert squares == {1: 2}


def test_a_subclass_of_a_map_works_as_one() -> None:
    class Counter(Map[int, int]):
        def count(self, key: int) -> None:
            self[key] = self.get(key, 0) + 1

    counter = Counter(engine="swiss")
    for key in [1, 2, 1]:
        counter.count(key)
    assert counter == {1: 2, 2: 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "hashbrown"}, "engine must be one of adaptive, .*got 'hashbrown'"),
        ({"key": "float64"}, "key must be one of int64, uint64, str, bytes; got 'float64'"),
        ({"value": "object"}, "value must be one of .*got 'object'"),
        ({"seed": -1}, r"seed must be an integer in \[0, 18446744073709551615\]; got -1"),
        ({"seed": 2**64}, "seed must be"),
        ({"seed": "x"}, "seed must be"),
        ({"capacity": -1}, "capacity must be an integer in"),
        ({"capacity": 2**60}, "capacity must be an integer in"),
        ({"capacity": 1.5}, "capacity must be an integer in"),
    ],
)
def test_options_that_are_unknown_or_out_of_range_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Map(**options)
    assert caught.value.key in options


def test_two_maps_have_different_seeds_and_a_given_seed_is_kept() -> None:
    assert Map().seed != Map().seed
    assert Map(seed=2**64 - 1).seed == 2**64 - 1


def test_a_map_can_be_written_as_a_generic_type() -> None:
    assert Map[int, str].__origin__ is Map  # type: ignore[attr-defined]
