"""What a map refuses beyond a wrong type; each is also the built-in error a dict user expects."""

from __future__ import annotations

from adhash.errors import BadInputError, InvariantError, KeyTypeError, ValueTypeError


class KeyRangeError(KeyTypeError, OverflowError):
    """A key is an integer, but not one that the map's key type can hold."""


class ValueRangeError(ValueTypeError, OverflowError):
    """A value is a number, but not one that the map's value type can hold."""


class BatchLengthError(BadInputError, ValueError):
    """A batch has another number of values than of keys."""


class MapChangedError(InvariantError, RuntimeError):
    """Another thread changed a map while all of it was being read."""
