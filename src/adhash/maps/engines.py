"""Which engines are built in, and keys that are bad for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adhash import _native
from adhash.errors import ConfigError

if TYPE_CHECKING:
    from adhash.snapshots import Column, KeyType


def engines() -> list[str]:
    """Return the names of the engines this build has, ``"adaptive"`` first."""
    return _native.engines()


def require_engine(engine: str) -> None:
    """Check that an engine is built in.

    Parameters
    ----------
    engine : str
        Its name.

    Raises
    ------
    ConfigError
        If it is not; the message names those that are.
    """
    if engine not in engines():
        allowed = ", ".join(engines())
        raise ConfigError(
            f"engine must be one of {allowed}; got {engine!r}",
            key="engine",
            value=engine,
            allowed=allowed,
        )


def colliding_keys(engine: str, key_type: KeyType, seed: int, count: int) -> Column:
    """Return keys that collide in a table of an engine with a known seed.

    Parameters
    ----------
    engine : str
        One of `engines`.
    key_type : {"int64", "uint64", "str", "bytes"}
        The type of the keys.
    seed : int
        The seed of the table they are aimed at, 64 bits.
    count : int
        How many keys.

    Returns
    -------
    ndarray or (offsets, data)
        Distinct keys, in the column form of `key_type`.

    Raises
    ------
    ConfigError
        If the engine is not built in.
    """
    require_engine(engine)
    keys = _native.colliding_keys(engine, key_type, seed, count)
    return keys if isinstance(keys, tuple) else keys.astype(key_type)
