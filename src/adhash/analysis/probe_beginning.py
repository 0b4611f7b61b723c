"""The map that a probe is traced in: empty, or begun with a snapshot, entries or a trace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adhash.cancellation import CancelToken
from adhash.config_models import MODE_ENGINES
from adhash.errors import BadInputError
from adhash.maps import Map, engines
from adhash.options.probe_visualize import ProbeVisualizeOptions
from adhash.options.traces import ForeignOptions
from adhash.progress import WorkCallback
from adhash.replay.first_operations import replay_first
from adhash.replay.table_types import AUTO, TableTypes
from adhash.workloads.importing import Importing

_CANONICAL_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}")
_RANGES = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}


def begin_map(
    options: ProbeVisualizeOptions, *, cancel: CancelToken, progress: WorkCallback
) -> Map[Any, Any]:
    """Return the map that the options describe.

    Parameters
    ----------
    options : ProbeVisualizeOptions
        At most one beginning is given.
    cancel : CancelToken
        Ends the work.
    progress : callable
        Told how much of a trace has been carried out.

    Returns
    -------
    Map
        On the engine asked for.

    Raises
    ------
    BadInputError
        If the mode is unknown or an entry does not fit; TraceError, SnapshotError if a file does
        not.
    StorageError
        If a file cannot be read.
    InterruptedRunError
        If the work was cancelled.
    """
    engine = _engine(options.mode)
    if options.snapshot is not None:
        with cancel.interruptible():
            return _from_snapshot(options.snapshot, engine, options.key_type)
    if options.csv is not None:
        return replay_first(
            options.csv,
            rows=options.rows,
            engine=engine or "adaptive",
            key_type=options.key_type,
            importing=_importing(options),
            seed=options.hash_seed,
            cancel=cancel,
            progress=progress,
        )
    with cancel.interruptible():
        return _from_entries(options, engine or "adaptive")


def _importing(options: ProbeVisualizeOptions) -> Importing:
    given = options.model_dump(include=set(ForeignOptions.model_fields), exclude_none=True)
    return Importing(**given)


def read_key(text: str, key_type: str) -> int | str | bytes:
    """Return a key that was given as text.

    Parameters
    ----------
    text : str
        As typed.
    key_type : {"int64", "uint64", "str", "bytes"}
        What the map holds.

    Returns
    -------
    int, str or bytes
        The key.

    Raises
    ------
    BadInputError
        If it is no key of that type.
    """
    if key_type == "bytes":
        return text.encode()
    if key_type == "str":
        return text
    lowest, highest = _RANGES[key_type]
    # Checked as text first: Python refuses to read integers of thousands of digits.
    if not _CANONICAL_INTEGER.fullmatch(text) or not lowest <= int(text) <= highest:
        raise BadInputError(
            f"the keys are {key_type}, which {_cut(text)} is not",
            hint=f"give an integer from {lowest} to {highest}, or another key type",
        )
    return int(text)


def _cut(text: str) -> str:
    shown = repr(text[:61])
    return shown if len(text) <= 60 else f"{shown[:60]}..."


def _engine(mode: str | None) -> str | None:
    if mode is None:
        return None
    engine = MODE_ENGINES.get(mode, mode)
    if engine not in engines():
        known = ", ".join([*MODE_ENGINES, *engines()])
        raise BadInputError(f"unknown mode {mode!r}", hint=f"modes are {known}")
    return engine


def _from_snapshot(path: str, engine: str | None, key_type: str) -> Map[Any, Any]:
    loaded = Map.load(path, engine=engine)
    held = TableTypes(key=loaded.key_type, value=loaded.value_type)
    TableTypes(key=key_type, value=AUTO).bound_to(held)
    return loaded


def _from_entries(options: ProbeVisualizeOptions, engine: str) -> Map[Any, Any]:
    pairs = [entry.split("=", 1) for entry in options.seed]
    values = [value for _, value in pairs]
    keys = [options.key, *(key for key, _ in pairs)]
    key_type = _type_of(keys) if options.key_type == AUTO else options.key_type
    has_numbers = _type_of(values) == "int64"
    begun: Map[Any, Any] = Map(
        engine=engine,
        key=key_type,
        value="int64" if has_numbers else "bytes",
        seed=options.hash_seed,
    )
    for key, value in pairs:
        begun[read_key(key, key_type)] = int(value) if has_numbers else value.encode()
    return begun


def _type_of(texts: Sequence[str]) -> str:
    """Return the narrowest of the types of keys that takes all of some texts."""
    if not all(_CANONICAL_INTEGER.fullmatch(text) for text in texts):
        return "str"
    numbers = [int(text) for text in texts]
    fitting = (
        name
        for name, (lowest, highest) in _RANGES.items()
        if all(lowest <= number <= highest for number in numbers)
    )
    return next(fitting, "str")
