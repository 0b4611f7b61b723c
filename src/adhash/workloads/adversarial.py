"""Traces whose keys collide in the engine they are aimed at.

The keys are searched by the engine's own hash function, with the seed that the map under attack
uses, after all its mixing and masking. (Keys that share low bits before hashing collide in no
engine that hashes.) They show what an attacker who knows the seed can do; against a map with
another seed the same keys are as good as random.
"""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa

from adhash.errors import BadInputError
from adhash.workloads.columns import ArrowArray, KeyType
from adhash.workloads.key_spaces import TabledKeys
from adhash.workloads.trace_spec import KEY_TYPES

MAX_COLLIDING_KEYS = 1_000_000


def colliding_key_space(engine: str, *, hash_seed: int, count: int, key_type: str) -> TabledKeys:
    """Return keys that collide in `engine` where its hash is seeded with `hash_seed`.

    Parameters
    ----------
    engine : str
        One of `adhash.maps.engines()`.
    hash_seed : int
        The seed of the map that is aimed at.
    count : int
        How many keys, in [1, 1,000,000].
    key_type : {"int64", "uint64", "str"}
        The type of the keys.

    Returns
    -------
    TabledKeys
        The keys, by rank.

    Raises
    ------
    BadInputError
        Where `count` is out of its range, or there is no such engine or key type.
    """
    from adhash import maps

    if not 1 <= count <= MAX_COLLIDING_KEYS:
        raise BadInputError(f"count must be in [1, {MAX_COLLIDING_KEYS}]; got {count}")
    if key_type not in KEY_TYPES:
        raise BadInputError(f"key_type must be one of {', '.join(KEY_TYPES)}; got {key_type!r}")
    keys = maps.colliding_keys(engine, cast("KeyType", key_type), hash_seed, count)
    return TabledKeys(_strings(*keys) if isinstance(keys, tuple) else pa.array(keys))


def _strings(offsets: Any, data: Any) -> ArrowArray:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers).cast(pa.string())
