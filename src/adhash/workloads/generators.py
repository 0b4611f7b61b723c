"""Generated traces: a specification in, record batches of operations out, in bounded memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.errors import BadInputError
from adhash.units import UINT64_MAX
from adhash.workloads.columns import ArrowArray
from adhash.workloads.key_spaces import (
    DenseIntegers,
    DenseStrings,
    KeySpace,
    ScatteredIntegers,
    ScatteredStrings,
    fixed_length_strings,
    spell,
)
from adhash.workloads.operation_mix import MixedOperations, Ops, QueuedOperations, Ranks
from adhash.workloads.seeded import SeededStream
from adhash.workloads.zipf import ZipfSampler

DISTRIBUTIONS = ("uniform", "zipf", "sequential")
KEY_TYPES = ("int64", "uint64", "str")

MAX_KEYS = 1 << 48
_BATCH_ROWS = 1 << 16
_MAX_VALUE = 1_000_000
_MAX_LENGTH = 4096
_DENSE_EXTRA = 1  # the letter in front of the digits

# Independent streams of random numbers of one seed.
_FOR_OPERATIONS, _FOR_KEYS, _FOR_VALUES = range(3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TraceSpec:
    """What trace to generate; the same specification gives the same trace.

    Parameters
    ----------
    rows : int
        Operations.
    keys : int
        The size of the key space.
    distribution : {"uniform", "zipf", "sequential"}
        How often each key is used. "sequential" is a queue: puts bring the keys in order, deletes
        take the oldest, gets walk over those that are there.
    exponent : float
        Of the Zipf distribution; at least 0.
    get, put, delete : float
        The shares of the operations; any numbers, of which only the proportions count. Deletes
        take keys that were put before; where there is none yet, the row is a get.
    preload : int
        The first so many rows put the first so many keys, each once.
    key_type : {"int64", "uint64", "str"}
        The type of the keys.
    key_bits : int
        Scattered integer keys lie in [0, 2**key_bits); 0 for as many as the type has.
    key_length : int
        Characters of a string key.
    value_length : int
        Characters of a value; 0 for integers in [0, 1,000,000).
    dense : bool
        Whether key k is the integer k (or that in digits) instead of being scattered.
    seed : int
        Of everything random; at least 0.

    Raises
    ------
    BadInputError
        Where a number is out of its range, or so many keys do not fit.
    """

    rows: int
    keys: int = 1_000_000
    distribution: str = "uniform"
    exponent: float = 0.99
    get: float = 75.0
    put: float = 20.0
    delete: float = 5.0
    preload: int = 0
    key_type: str = "int64"
    key_bits: int = 0
    key_length: int = 16
    value_length: int = 0
    dense: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        _require_one_of("distribution", self.distribution, DISTRIBUTIONS)
        _require_one_of("key_type", self.key_type, KEY_TYPES)
        _require("rows", self.rows, 1, 1 << 48)
        _require("keys", self.keys, 1, MAX_KEYS)
        _require("exponent", self.exponent, 0, 100)
        _require("preload", self.preload, 0, self.keys)
        _require("key_bits", self.key_bits, 0, 64 if self.key_type == "uint64" else 63)
        _require("key_length", self.key_length, 1, _MAX_LENGTH)
        _require("value_length", self.value_length, 0, _MAX_LENGTH)
        _require("seed", self.seed, 0, UINT64_MAX)
        for name in ("get", "put", "delete"):
            _require(name, getattr(self, name), 0, 1e9)
        if not self.get + self.put + self.delete > 0:
            raise BadInputError("get, put and delete are all 0", hint="give one of them a share")
        self._require_room_for_keys()

    def shares(self) -> tuple[float, float, float]:
        """Return the fractions of get, put and delete, which sum to 1."""
        total = self.get + self.put + self.delete
        return self.get / total, self.put / total, self.delete / total

    def effective_key_bits(self) -> int:
        """Return the number of bits that scattered integer keys have."""
        return self.key_bits or (64 if self.key_type == "uint64" else 63)

    def _require_room_for_keys(self) -> None:
        if self.key_type != "str":
            name, given = "key_bits", self.effective_key_bits()
            room, needed = 1 << given, math.ceil(math.log2(self.keys)) or 1
        elif self.dense:
            name, given = "key_length", self.key_length
            room, needed = 10 ** (given - _DENSE_EXTRA), len(str(self.keys - 1)) + _DENSE_EXTRA
        else:
            name, given = "key_length", self.key_length
            room, needed = 32 ** min(given, 12), math.ceil(math.log(self.keys, 32)) or 1
        if room < self.keys:
            raise BadInputError(
                f"{self.keys} distinct keys do not fit into {name} = {given}",
                hint=f"make {name} at least {needed}",
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operations:
    """Some operations before their keys are spelled out.

    Parameters
    ----------
    ops : ndarray of uint8, shape (n,)
        0 get, 1 put, 2 del.
    ranks : ndarray of int64, shape (n,)
        The key's place in the key space.
    """

    ops: Ops
    ranks: Ranks


def generate(spec: TraceSpec, key_space: KeySpace | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the operations of a generated trace, in batches with the columns of `trace_schema`.

    Parameters
    ----------
    spec : TraceSpec
        What to generate.
    key_space : KeySpace or None
        The keys; those that `spec` describes where None.

    Yields
    ------
    pyarrow.RecordBatch
        The columns op, key and value; value is null where the operation is no put.
    """
    key_space = key_space or key_space_of(spec)
    schema = trace_schema(spec, key_space)
    values = SeededStream(spec.seed, _FOR_VALUES)
    for block in operations(spec):
        columns = [
            pa.DictionaryArray.from_arrays(block.ops.view(np.int8), _OP_NAMES),
            key_space.keys(block.ranks),
            _values(spec, values, block.ops != 1),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def trace_schema(spec: TraceSpec, key_space: KeySpace | None = None) -> pa.Schema:
    """Return the columns of a generated trace."""
    return pa.schema(
        [
            pa.field("op", pa.dictionary(pa.int8(), pa.string()), nullable=False),
            pa.field("key", (key_space or key_space_of(spec)).arrow_type, nullable=False),
            pa.field("value", pa.string() if spec.value_length else pa.int64()),
        ]
    )


def operations(spec: TraceSpec) -> Iterator[Operations]:
    """Yield the operations with ranks in place of keys.

    Parameters
    ----------
    spec : TraceSpec
        What to generate.

    Yields
    ------
    Operations
        At most 65,536 of them.
    """
    stream = SeededStream(spec.seed, _FOR_OPERATIONS)
    source = _source(spec, stream)
    for start in range(0, spec.rows, _BATCH_ROWS):
        rows = min(_BATCH_ROWS, spec.rows - start)
        ops = _draw_ops(spec, stream, rows)
        ops[: max(0, spec.preload - start)] = 1
        ops, ranks = source.next(ops, preload=max(0, min(rows, spec.preload - start)))
        yield Operations(ops=ops, ranks=ranks)


def key_space_of(spec: TraceSpec) -> KeySpace:
    """Return the keys that a specification describes."""
    stream = SeededStream(spec.seed, _FOR_KEYS)
    if spec.key_type == "str":
        if spec.dense:
            return DenseStrings(spec.key_length)
        return ScatteredStrings(spec.key_length, stream)
    arrow_type = pa.int64() if spec.key_type == "int64" else pa.uint64()
    if spec.dense:
        return DenseIntegers(arrow_type)
    return ScatteredIntegers(arrow_type, spec.effective_key_bits(), stream)


_OP_NAMES = pa.array(["get", "put", "del"])


def _source(spec: TraceSpec, stream: SeededStream) -> MixedOperations | QueuedOperations:
    if spec.distribution == "sequential":
        return QueuedOperations(spec.keys)
    if spec.distribution == "uniform":
        return MixedOperations(
            lambda count: stream.below(spec.keys, count), stream, has_puts=spec.put > 0
        )
    sampler = ZipfSampler(keys=spec.keys, exponent=spec.exponent)
    return MixedOperations(lambda count: sampler.draw(stream, count), stream, has_puts=spec.put > 0)


def _draw_ops(spec: TraceSpec, stream: SeededStream, count: int) -> Ops:
    get, put, _ = spec.shares()
    u = stream.doubles(count)
    return (u >= get).astype(np.uint8) + (u >= get + put).astype(np.uint8)


def _values(spec: TraceSpec, stream: SeededStream, is_null: npt.NDArray[np.bool_]) -> ArrowArray:
    count = len(is_null)
    if not spec.value_length:
        return pa.array(stream.below(_MAX_VALUE, count), mask=is_null)
    words = [stream.words(count) for _ in range(0, spec.value_length, 12)]
    text = fixed_length_strings(spell(words, spec.value_length))
    return pa.compute.if_else(pa.array(is_null), pa.scalar(None, pa.string()), text)


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadInputError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInputError(f"{name} must be in [{low}, {high}]; got {value}")
