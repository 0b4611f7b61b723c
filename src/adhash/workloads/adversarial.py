"""Traces whose keys collide in the engine they are aimed at.

The keys are searched by the engine's own hash function, with the seed that the map under attack
uses, after all its mixing and masking. (Keys that share low bits before hashing collide in no
engine that hashes.) They show what an attacker who knows the seed can do; against a map with
another seed the same keys are as good as random.
"""

from __future__ import annotations

import pyarrow as pa

from adhash.errors import BadInputError
from adhash.workloads.key_spaces import TabledKeys

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
    key_type : {"int64", "str"}
        The type of the keys.

    Raises
    ------
    BadInputError
        Where `count` is out of its range, or there is no such engine or key type.
    """
    from adhash import maps

    if not 1 <= count <= MAX_COLLIDING_KEYS:
        raise BadInputError(f"count must be in [1, {MAX_COLLIDING_KEYS}]; got {count}")
    if key_type not in ("int64", "str"):
        raise BadInputError(
            f"colliding keys are of type int64 or str; got {key_type!r}", hint="change --key-type"
        )
    keys = maps.colliding_keys(engine, seed=hash_seed, count=count, key=key_type)
    return TabledKeys(pa.array(keys, pa.int64() if key_type == "int64" else pa.string()))
