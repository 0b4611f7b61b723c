"""The slots of one machine: which cores each has, and which attempt holds it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence

from adhash.errors import PolicyError


def cores_of_slots(cores: Sequence[int], wanted: int | None) -> tuple[tuple[int, ...], ...]:
    """Return the cores of each slot.

    The first core is left to the server as long as there are enough others. Slots share cores only
    where there are more slots than cores.

    Parameters
    ----------
    cores : sequence of int
        Those that may be used, at least one.
    wanted : int or None
        How many slots; None for one a core beyond the server's own, and at least one.

    Returns
    -------
    tuple of tuple of int
        One for each slot, none empty.
    """
    beyond = cores[1:] or cores
    count = len(beyond) if wanted is None else wanted
    spread = beyond if count <= len(beyond) else cores
    if count > len(spread):
        return tuple((spread[slot % len(spread)],) for slot in range(count))
    return tuple(tuple(spread[slot::count]) for slot in range(count))


class SlotTable:
    """Who holds which slot.

    Parameters
    ----------
    cores : sequence of tuple of int
        The cores of each slot.
    """

    def __init__(self, cores: Sequence[tuple[int, ...]]) -> None:
        self._cores = tuple(cores)
        self._held: dict[Hashable, tuple[int, ...]] = {}

    @property
    def total(self) -> int:
        """How many slots there are."""
        return len(self._cores)

    @property
    def free(self) -> int:
        """How many of them nobody holds."""
        return len(self._free())

    def cores(self, slots: Iterable[int]) -> tuple[int, ...]:
        """Return the cores of some slots, each once, in order."""
        return tuple(sorted({core for slot in slots for core in self._cores[slot]}))

    def take(self, key: Hashable, count: int) -> tuple[int, ...]:
        """Give free slots to somebody.

        Parameters
        ----------
        key : hashable
            Who.
        count : int
            How many, at least one.

        Returns
        -------
        tuple of int
            Which.

        Raises
        ------
        PolicyError
            If there are not so many free ones.
        """
        free = self._free()
        if count > len(free):
            raise PolicyError(f"{count} slots were asked for, but {len(free)} are free")
        self._held[key] = tuple(free[:count])
        return self._held[key]

    def hold(self, key: Hashable, slots: Sequence[int]) -> None:
        """Remember who held slots before a restart; where it is not known which, take any.

        Parameters
        ----------
        key : hashable
            Who; nothing changes if it holds some already.
        slots : sequence of int
            Which, by the numbers of a server that may have had more of them.
        """
        if key not in self._held:
            self._held[key] = tuple(slots) or tuple(self._free()[:1])

    def release(self, key: Hashable) -> None:
        """Take the slots back; those who hold none may ask as well."""
        self._held.pop(key, None)

    def release_all_but(self, keys: Collection[Hashable]) -> None:
        """Take the slots of all others back."""
        self._held = {key: slots for key, slots in self._held.items() if key in keys}

    def _free(self) -> list[int]:
        held = {slot for slots in self._held.values() for slot in slots}
        return [slot for slot in range(self.total) if slot not in held]
