"""How the value of a setting is read, whether TOML, an environment variable or an option gave it.

TOML brings typed values and the other two bring text, so every type here takes both. Off is spelt
``"off"`` (or ``false``), because TOML has no null; in Python it is None.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from adhash.units import format_bytes_exactly, parse_bytes

MAX_BUCKETS = 64
_OFF_WORDS = frozenset({"off", "false", "none"})


def _refuse_bool(value: object) -> object:
    """Keep ``rate = true`` from becoming a rate of 1."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def _read_size(value: object) -> object:
    return parse_bytes(value) if isinstance(value, str) else _refuse_bool(value)


def _read_off(value: object) -> object:
    is_off = value is False or (isinstance(value, str) and value.strip().lower() in _OFF_WORDS)
    return None if is_off else value


def _refuse_empty(value: object) -> object:
    """Keep a variable of the shell that was never set from meaning the current folder."""
    if value == "":
        raise ValueError("a name is needed")
    return value


def _read_number_or_off(value: object) -> object:
    return _refuse_bool(_read_off(value))


def _read_seed(value: object) -> object:
    return None if value == "random" else _refuse_bool(value)


def _read_list(value: object) -> object:
    """Take ``"a,b"`` for ``["a", "b"]``: the environment has no other way to write a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return [part.strip() for each in value for part in each.split(",")]
    return value


def _check_distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("each name once")
    return names


def _check_ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        raise ValueError("bounds must ascend")
    return bounds


Whole = Annotated[int, BeforeValidator(_refuse_bool)]
Real = Annotated[float, BeforeValidator(_refuse_bool)]
Size = Annotated[int, BeforeValidator(_read_size, json_schema_input_type=int | str)]
Threshold = Annotated[float | None, BeforeValidator(_read_number_or_off)]
Count = Annotated[int | None, BeforeValidator(_read_number_or_off)]
_SEED_READER = BeforeValidator(_read_seed, json_schema_input_type=int | Literal["random"] | None)
Seed = Annotated[int | None, _SEED_READER]
# The limits inside bind the number alone; `Seed` leaves them to the setting that shows them.
HashSeed = Annotated[Annotated[int, Field(ge=0, le=2**64 - 1)] | None, _SEED_READER]
Folder = Annotated[Path | None, BeforeValidator(_refuse_empty), BeforeValidator(_read_off)]
# Which engines exist is known only where the native module is, two layers up; here a mode is a
# well-formed name, and `adhash.replay` refuses one that no engine answers to.
Mode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Modes = Annotated[
    tuple[Mode, ...],
    BeforeValidator(_read_list, json_schema_input_type=str | tuple[Mode, ...]),
    Field(min_length=1, max_length=32),
    AfterValidator(_check_distinct),
]
Bound = Annotated[Real, Field(gt=0, le=1e6)]
Bounds = Annotated[
    tuple[Bound, ...],
    BeforeValidator(_read_list, json_schema_input_type=str | tuple[Bound, ...]),
    Field(min_length=1, max_length=MAX_BUCKETS),
    AfterValidator(_check_ascending),
]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Port = Annotated[
    Literal["auto"] | PortNumber | None,
    BeforeValidator(
        _read_number_or_off,
        json_schema_input_type=Literal["auto", "off"] | PortNumber | None,
    ),
]


# --- and how it is written ---------------------------------------------------------------------


def write_toml(value: object, *, unit: str = "", off: str = "off") -> str:
    """Return `value` as TOML on one line.

    Parameters
    ----------
    value : object
        None, a bool, int, float, str, Path, or a sequence of these.
    unit : str
        With ``"bytes"``, an integer is written as a size such as ``"2MiB"``.
    off : str
        The word for None.

    Returns
    -------
    str
        A TOML value.
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_toml(item, unit=unit, off=off) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f'"{format_bytes_exactly(int(value))}"' if unit == "bytes" else repr(value)
    text = off if value is None else str(value)
    # JSON's strings are TOML's basic strings but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
