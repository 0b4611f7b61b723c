"""Which cores belong to which slot, and who holds it."""

from __future__ import annotations

import pytest

from adhash.errors import PolicyError
from adhash.service.executors.slots import SlotTable, cores_of_slots


@pytest.mark.parametrize(
    ("cores", "wanted", "slots"),
    [
        ([0], None, [(0,)]),
        ([0, 1], None, [(1,)]),
        ([2, 5, 7], None, [(5,), (7,)]),
        ([0, 1, 2, 3, 4], 2, [(1, 3), (2, 4)]),
        ([0, 1, 2], 1, [(1, 2)]),
        ([0, 1], 2, [(0,), (1,)]),
        ([0, 1], 3, [(0,), (1,), (0,)]),
        ([0], 2, [(0,), (0,)]),
    ],
)
def test_cores_are_spread_over_slots(
    cores: list[int], wanted: int | None, slots: list[tuple[int, ...]]
) -> None:
    assert list(cores_of_slots(cores, wanted)) == slots


def test_slots_that_are_taken_are_not_given_again() -> None:
    table = SlotTable([(0,), (1,), (2,)])
    assert table.take("a", 1) == (0,)
    assert table.take("b", 2) == (1, 2)
    assert (table.free, table.total) == (0, 3)
    with pytest.raises(PolicyError, match="1 slots were asked for, but 0 are free"):
        table.take("c", 1)
    table.release("a")
    assert table.take("c", 1) == (0,)


def test_slots_of_an_earlier_server_are_held_even_where_it_had_more() -> None:
    table = SlotTable([(0,), (1,)])
    table.hold("a", [1])
    table.hold("b", [7])
    assert table.take("c", 1) == (0,)
    assert table.free == 0


def test_who_held_unknown_slots_holds_some() -> None:
    table = SlotTable([(0,), (1,)])
    table.hold("a", [])
    assert table.free == 1


def test_releasing_all_but_some_forgets_the_others() -> None:
    table = SlotTable([(0,), (1,)])
    table.take("a", 1)
    table.take("b", 1)
    table.release_all_but({"b"})
    assert table.free == 1


def test_an_attempt_on_several_slots_has_all_their_cores() -> None:
    table = SlotTable([(0, 2), (1, 3), (0,)])
    assert table.cores([0, 1, 2]) == (0, 1, 2, 3)
