"""Generated traces: a specification in, record batches of operations out, in bounded memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adhash.workloads.churn import turnover
from adhash.workloads.columns import ArrowArray
from adhash.workloads.distributions import Ranks
from adhash.workloads.expiry import Expiry, Lifetimes
from adhash.workloads.key_spaces import (
    DenseIntegers,
    DenseStrings,
    KeySpace,
    ScatteredIntegers,
    ScatteredStrings,
    fixed_length_strings,
    spell,
)
from adhash.workloads.operation_mix import (
    BATCH_ROWS,
    MixedOperations,
    Ops,
    QueuedOperations,
)
from adhash.workloads.seeded import SeededStream
from adhash.workloads.stages import stages
from adhash.workloads.trace_spec import KEY_TYPES, TraceSpec
from adhash.workloads.ycsb_zipfian import YcsbKeys

__all__ = [
    "KEY_TYPES",
    "Operations",
    "TraceSpec",
    "generate",
    "key_space_of",
    "operations",
    "trace_schema",
]

_MAX_VALUE = 1_000_000

# Independent streams of random numbers of one seed.
_FOR_OPERATIONS, _FOR_KEYS, _FOR_VALUES, _FOR_LIFETIMES = range(4)


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
    blocks = _blocks(spec)
    if spec.ttl:
        of_lifetimes = SeededStream(spec.seed, _FOR_LIFETIMES)
        expiry = Expiry(Lifetimes(spec.ttl, spec.ttl_spread, of_lifetimes))
        blocks = expiry.add_to(blocks)
    left = spec.rows
    for ops, ranks in blocks:
        # The last request may reach beyond the end, and rows that expire keys come on top.
        count = min(len(ops), left)
        for start in range(0, count, BATCH_ROWS):
            some = slice(start, min(start + BATCH_ROWS, count))
            yield Operations(ops=ops[some], ranks=ranks[some])
        left -= count
        if not left:
            return


def key_space_of(spec: TraceSpec) -> KeySpace:
    """Return the keys that a specification describes."""
    types: dict[str, pa.DataType] = {
        "int64": pa.int64(),
        "uint64": pa.uint64(),
        "str": pa.string(),
    }
    arrow_type = types[spec.key_type]
    if spec.ycsb_compat:
        return YcsbKeys(arrow_type, is_hashed=not spec.dense)
    stream = SeededStream(spec.seed, _FOR_KEYS)
    if spec.key_type == "str":
        if spec.dense:
            return DenseStrings(spec.key_length)
        return ScatteredStrings(spec.key_length, stream)
    if spec.dense:
        return DenseIntegers(arrow_type)
    return ScatteredIntegers(arrow_type, spec.effective_key_bits(), stream)


_OP_NAMES = pa.array(["get", "put", "del"])


def _blocks(spec: TraceSpec) -> Iterator[tuple[Ops, Ranks]]:
    """Yield operations and ranks of at least so many rows as are asked for."""
    stream = SeededStream(spec.seed, _FOR_OPERATIONS)
    source = _source(spec, stream)
    row = 0
    for stage in stages(spec):
        while row < stage.end:
            rows = min(BATCH_ROWS, stage.end - row)
            ops, ranks = source.next(stage.mix, rows, preload=min(rows, max(0, spec.preload - row)))
            yield ops, ranks
            row += len(ops)


def _source(spec: TraceSpec, stream: SeededStream) -> MixedOperations | QueuedOperations:
    if spec.distribution == "sequential":
        return QueuedOperations(stream, spec.keys)
    if not any(each.replace for each in spec.stages()):
        return MixedOperations(stream, spec.keys)
    of_lifetimes = SeededStream(spec.seed, _FOR_LIFETIMES)
    replaced = turnover(spec.lifetime, keys=spec.keys, stream=of_lifetimes)
    return MixedOperations(stream, spec.keys, replaced)


def _values(spec: TraceSpec, stream: SeededStream, is_null: npt.NDArray[np.bool_]) -> ArrowArray:
    count = len(is_null)
    if not spec.value_length:
        return pa.array(stream.below(_MAX_VALUE, count), mask=is_null)
    words = [stream.words(count) for _ in range(0, spec.value_length, 12)]
    text = fixed_length_strings(spell(words, spec.value_length))
    return pa.compute.if_else(pa.array(is_null), pa.scalar(None, pa.string()), text)
