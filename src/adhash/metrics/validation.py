"""Checking a file of ticks: every line by itself, and each against the line before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pydantic import ValidationError

from adhash.errors import BadInputError, StorageError
from adhash.metrics.ticks import SERIES, Tick

MAX_PROBLEMS = 20
MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ValidationReport:
    """What a valid file of ticks holds: the number of ticks and the backends in it."""

    ticks: int
    backends: tuple[str, ...]


@dataclass
class _Reading:
    """A file as far as it was read."""

    ticks: int = 0
    backends: list[str] = field(default_factory=list)
    before: Tick | None = None
    problems: list[str] = field(default_factory=list)


def validate(path: str | Path) -> ValidationReport:
    """Check that a file holds valid ``metrics.v1`` ticks and nothing else.

    Fields may be added. A field that is missing or has another type, quantiles or buckets out of
    order, a counter that falls within one run, an empty line: each is refused.

    Parameters
    ----------
    path : str or Path
        A file with one JSON object a line.

    Returns
    -------
    ValidationReport
        What the file holds.

    Raises
    ------
    BadInputError
        If a line is not a valid tick; the message names up to 20 lines, and what is wrong.
    StorageError
        If the file cannot be read.
    """
    reading = _Reading()
    try:
        with Path(path).open("rb") as file:
            for number, line in _lines(file):
                _read_line(reading, number, line)
                if len(reading.problems) >= MAX_PROBLEMS:
                    break
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}", hint="name a file of ticks"
        ) from error
    if not reading.ticks and not reading.problems:
        reading.problems.append("line 1: the file holds no tick")
    if reading.problems:
        _refuse(path, reading.problems)
    return ValidationReport(ticks=reading.ticks, backends=tuple(reading.backends))


def _refuse(path: str | Path, problems: list[str]) -> NoReturn:
    raise BadInputError(
        f"{path} is not valid metrics.v1: " + "; ".join(problems),
        hint="the schema is printed by: adhash metrics schema",
    )


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        yield number, line
        if len(line) > MAX_LINE_BYTES:
            return


def _read_line(reading: _Reading, number: int, line: bytes) -> None:
    try:
        tick = _parse(line)
        if reading.before is not None and _same_run(reading.before, tick):
            _require_monotone(reading.before, tick)
        elif tick.backend not in reading.backends:
            reading.backends.append(tick.backend)
    except ValidationError as error:
        reading.problems.extend(f"line {number}: {text}" for text in _describe(error))
    except ValueError as error:
        reading.problems.append(f"line {number}: {error}")
    else:
        reading.before = tick
        reading.ticks += 1


def _parse(line: bytes) -> Tick:
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"longer than {MAX_LINE_BYTES} bytes")
    if not line.strip():
        raise ValueError("empty")
    try:
        value: Any = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON (column {error.colno}: {error.msg})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"not JSON (byte {error.start + 1}: {error.reason})") from error
    except RecursionError as error:
        raise ValueError("not JSON (nested too deeply)") from error
    if not isinstance(value, dict):
        raise ValueError(f"a tick is an object; got {type(value).__name__}")
    return Tick.model_validate(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _describe(error: ValidationError) -> list[str]:
    texts = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"]) or "tick"
        value = "" if problem["type"] == "missing" else f"; got {_excerpt(problem['input'])}"
        texts.append(f"{where}: {problem['msg']}{value}")
    return texts


def _excerpt(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _same_run(before: Tick, tick: Tick) -> bool:
    return (before.backend, before.mode) == (tick.backend, tick.mode)


def _require_monotone(before: Tick, tick: Tick) -> None:
    old, new = _counters(before), _counters(tick)
    for name, count in old.items():
        if new.get(name, count) < count:
            raise ValueError(f"{name} fell from {count} to {new[name]}")


def _counters(tick: Tick) -> dict[str, float]:
    counters: dict[str, float] = {
        "t": tick.t,
        "ops": tick.ops,
        "migrations": tick.migrations,
        "compactions": tick.compactions,
    }
    counters |= {f"ops_by_type.{name}": count for name, count in tick.ops_by_type.items()}
    for series in SERIES:
        for bucket in tick.latency_hist_ms.get(series, []):
            counters[f"latency_hist_ms.{series}[le={bucket.le}]"] = bucket.count
    return counters
